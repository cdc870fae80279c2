/** `dns` answers for names of the cluster; every other name goes to the system. */

import type { LookupAddress, LookupOptions } from 'node:dns';
import type { ControlAnswer, PreloadPart } from './toolkit.ts';

type Callback = (error: Error | null, ...values: unknown[]) => void;
type Method = (...args: unknown[]) => unknown;

/** Patches lookup, resolve* and the Resolver classes, with callbacks and with promises. */
export const namesPart: PreloadPart = (kit) => {
  const { net, dns } = kit;
  const lookup = dns.lookup as unknown as Method;
  const lookupPromise = dns.promises.lookup as unknown as (host: string, options: unknown) => Promise<unknown>;

  /** Undefined: not a name of the cluster. */
  async function answerOf(host: unknown): Promise<ControlAnswer | undefined> {
    if (typeof host !== 'string' || host === '' || net.isIP(host) !== 0 || host === 'localhost') return undefined;
    if (kit.isLoopback(host)) return { id: 0, addresses: [kit.settings.ip] };
    const answer = await kit.ask({ op: 'lookup', host });
    return answer.outside === true && answer.name === undefined ? undefined : answer;
  }

  async function addressesOf(host: string, options: LookupOptions, answer: ControlAnswer): Promise<LookupAddress[]> {
    if (answer.name !== undefined) {
      return (await lookupPromise(answer.name, { ...options, all: true })) as LookupAddress[];
    }
    const family = options.family === 6 || options.family === 'IPv6' ? 6 : 4;
    const found = family === 6 ? [] : (answer.addresses ?? []);
    if (found.length === 0) throw kit.failure('getaddrinfo', { code: 'ENOTFOUND', host });
    return found.map((address) => ({ address, family: 4 }));
  }

  const optionsOf = (value: unknown): LookupOptions =>
    typeof value === 'number' ? { family: value } : ((value ?? {}) as LookupOptions);

  const patchedLookup = (host: unknown, ...args: unknown[]): void => {
    const callback = args.pop() as Callback;
    const options = optionsOf(args[0]);
    void answerOf(host).then(async (answer) => {
      if (answer === undefined) return lookup(host, ...args, callback);
      try {
        const found = await addressesOf(String(host), options, answer);
        if (options.all === true) process.nextTick(callback, null, found);
        else process.nextTick(callback, null, found[0]?.address, found[0]?.family);
      } catch (error) {
        process.nextTick(callback, error);
      }
      return undefined;
    });
  };
  dns.lookup = Object.assign(patchedLookup, dns.lookup) as unknown as typeof dns.lookup;

  const patchedLookupPromise = async (host: string, options?: unknown): Promise<unknown> => {
    const answer = await answerOf(host);
    if (answer === undefined) return lookupPromise(host, options);
    const found = await addressesOf(host, optionsOf(options), answer);
    return optionsOf(options).all === true ? found : found[0];
  };
  dns.promises.lookup = patchedLookupPromise as typeof dns.promises.lookup;

  /** Names of the cluster have A records and nothing else. */
  async function recordsOf(method: string, args: unknown[]): Promise<unknown[] | undefined> {
    const answer = await answerOf(args[0]);
    if (answer === undefined || answer.name !== undefined) return undefined;
    const isAddress = method === 'resolve4' || (method === 'resolve' && (args[1] === undefined || args[1] === 'A'));
    if (isAddress && answer.addresses !== undefined) {
      const withTtl = (args[1] as { ttl?: boolean } | undefined)?.ttl === true;
      return withTtl ? answer.addresses.map((address) => ({ address, ttl: 5 })) : [...answer.addresses];
    }
    const code = answer.code ?? 'ENODATA';
    throw Object.assign(new Error(`query${method.slice(7)} ${code} ${String(args[0])}`), {
      code,
      syscall: `query${method.slice(7)}`,
      hostname: args[0],
    });
  }

  const methods = [
    'resolve',
    'resolve4',
    'resolve6',
    'resolveAny',
    'resolveCname',
    'resolveMx',
    'resolveSrv',
    'resolveTxt',
  ];
  const withCallbacks = [dns, dns.Resolver.prototype] as unknown as Record<string, Method>[];
  const withPromises = [dns.promises, dns.promises.Resolver.prototype] as unknown as Record<string, Method>[];
  for (const method of methods) {
    for (const owner of withCallbacks) {
      const original = owner[method];
      if (original === undefined) continue;
      owner[method] = function (this: unknown, ...args: unknown[]) {
        const callback = args.at(-1) as Callback;
        const given = typeof args[1] === 'function' ? [args[0]] : args.slice(0, -1);
        recordsOf(method, given).then(
          (records) => (records === undefined ? original.apply(this, args) : process.nextTick(callback, null, records)),
          (error: Error) => process.nextTick(callback, error),
        );
      };
    }
    for (const owner of withPromises) {
      const original = owner[method];
      if (original === undefined) continue;
      owner[method] = async function (this: unknown, ...args: unknown[]) {
        return (await recordsOf(method, args)) ?? original.apply(this, args);
      };
    }
  }
};
