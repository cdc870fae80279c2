/** `dns.resolve*` and the Resolver classes: names of the cluster have A records and nothing else. */

import type { PreloadPart } from './toolkit.ts';

type Callback = (error: Error | null, ...values: unknown[]) => void;
type Method = (...args: unknown[]) => unknown;

/** Needs `answerOf` of the names part. */
export const recordsPart: PreloadPart = (kit) => {
  const { dns } = kit;

  /** Undefined: the system is to be asked. */
  async function recordsOf(method: string, args: unknown[]): Promise<unknown[] | undefined> {
    const answer = await kit.answerOf(args[0]);
    if (answer === undefined || answer.name !== undefined) return undefined;
    const isAddress = method === 'resolve4' || (method === 'resolve' && (args[1] === undefined || args[1] === 'A'));
    if (isAddress && answer.addresses !== undefined) {
      const withTtl = (args[1] as { ttl?: boolean } | undefined)?.ttl === true;
      return withTtl ? answer.addresses.map((address) => ({ address, ttl: 5 })) : [...answer.addresses];
    }
    const code = answer.code ?? 'ENODATA';
    const syscall = `query${method.slice(7)}`;
    throw Object.assign(new Error(`${syscall} ${code} ${String(args[0])}`), { code, syscall, hostname: args[0] });
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
