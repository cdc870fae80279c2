/** `dns.lookup` answers for names of the cluster; every other name goes to the system. */

import type { LookupAddress, LookupOptions } from 'node:dns';
import type { ControlAnswer, PreloadPart } from './toolkit.ts';

type Callback = (error: Error | null, ...values: unknown[]) => void;
type Method = (...args: unknown[]) => unknown;

/** Patches lookup, with a callback and with a promise. */
export const namesPart: PreloadPart = (kit) => {
  const { net, dns } = kit;
  const lookup = dns.lookup as unknown as Method;
  const lookupPromise = dns.promises.lookup as unknown as (host: string, options: unknown) => Promise<unknown>;

  kit.answerOf = async (host) => {
    if (typeof host !== 'string' || host === '' || net.isIP(host) !== 0 || host === 'localhost') return undefined;
    if (kit.isLoopback(host)) return { id: 0, addresses: [kit.settings.ip] };
    const answer = await kit.ask({ op: 'lookup', host });
    return answer.outside === true && answer.name === undefined ? undefined : answer;
  };

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
    void kit.answerOf(host).then(async (answer) => {
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
    const answer = await kit.answerOf(host);
    if (answer === undefined) return lookupPromise(host, options);
    const found = await addressesOf(host, optionsOf(options), answer);
    return optionsOf(options).all === true ? found : found[0];
  };
  dns.promises.lookup = patchedLookupPromise as typeof dns.promises.lookup;
};
