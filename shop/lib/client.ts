/** Calls another service of the shop. */

import { Client, credentials, type ServiceError } from '@grpc/grpc-js';
import { serviceDefinition } from './contract.ts';
import type { ServiceName, Services } from './types.ts';

type Calls<Name extends ServiceName> = {
  [Method in keyof Services[Name]]: (
    request: Services[Name][Method] extends [infer Request, unknown] ? Request : never,
    options?: { timeoutMs?: number },
  ) => Promise<Services[Name][Method] extends [unknown, infer Response] ? Response : never>;
};

const defaultTimeoutMs = 10_000;

/** A client of one service; calls reject with grpc-js' ServiceError. */
export function connect<Name extends ServiceName>(service: Name, address: string): Calls<Name> {
  const client = new Client(address, credentials.createInsecure(), {
    'grpc.enable_channelz': 0,
    // A service that restarts is found again soon: the default waits up to two minutes.
    'grpc.initial_reconnect_backoff_ms': 250,
    'grpc.max_reconnect_backoff_ms': 2000,
  });
  const calls = Object.entries(serviceDefinition(`hipstershop.${service}`)).map(([name, method]) => {
    const call = (request: object, { timeoutMs = defaultTimeoutMs }: { timeoutMs?: number } = {}): Promise<unknown> =>
      new Promise((resolve, reject) => {
        client.makeUnaryRequest(
          method.path,
          method.requestSerialize,
          method.responseDeserialize,
          request,
          { deadline: Date.now() + timeoutMs },
          (error: ServiceError | null, response: unknown) => (error === null ? resolve(response) : reject(error)),
        );
      });
    return [name, call] as const;
  });
  return Object.fromEntries(calls) as unknown as Calls<Name>;
}
