/** Starts one gRPC service of the shop: handlers, health, metrics, levers, clean end. */

import { Server, ServerCredentials, status, type sendUnaryData, type ServerUnaryCall } from '@grpc/grpc-js';
import { Histogram } from 'prom-client';
import { serviceDefinition } from './contract.ts';
import { log } from './log.ts';
import { serveMetrics } from './metrics.ts';
import { pause, readLevers, setting } from './settings.ts';
import type { ServiceName, Services } from './types.ts';

/** A failure with a gRPC status; anything else that is thrown becomes INTERNAL. */
export class RpcError extends Error {
  readonly code: status;

  constructor(code: status, message: string) {
    super(message);
    this.code = code;
  }
}

type Handlers<Name extends ServiceName> = {
  [Method in keyof Services[Name]]: (
    request: Services[Name][Method] extends [infer Request, unknown] ? Request : never,
  ) => Services[Name][Method] extends [unknown, infer Response] ? Response | Promise<Response> : never;
};

const durations = new Histogram({
  name: 'grpc_server_handling_seconds',
  help: 'Time to answer one call.',
  labelNames: ['grpc_service', 'grpc_method', 'grpc_code'],
});

/** Serves `handlers` on PORT (default `port`) and metrics on METRICS_PORT (9464). */
export function serve<Name extends ServiceName>(options: {
  readonly service: Name;
  readonly port: number;
  readonly handlers: Handlers<Name>;
}): void {
  const levers = readLevers();
  const fullName = `hipstershop.${options.service}`;
  const server = new Server({ 'grpc.enable_channelz': 0 });
  const entries = Object.entries(options.handlers) as [string, (request: unknown) => unknown][];
  const wrapped = entries.map(([method, handler]) => {
    const call = async (request: unknown): Promise<unknown> => {
      await pause(levers.extraLatencyMs);
      if (levers.shouldFail()) throw new RpcError(status.INTERNAL, 'injected failure (ERROR_RATE)');
      return handler(request);
    };
    return [method, unary(fullName, method, call)] as const;
  });
  server.addService(serviceDefinition(fullName), Object.fromEntries(wrapped));
  server.addService(serviceDefinition('grpc.health.v1.Health'), {
    Check: (_call: unknown, answer: sendUnaryData<unknown>) => answer(null, { status: 1 }),
  });
  const address = `0.0.0.0:${setting('PORT', String(options.port))}`;
  server.bindAsync(address, ServerCredentials.createInsecure(), (error, port) => {
    if (error !== null) {
      log('ERROR', `cannot listen on ${address}: ${error.message}`);
      process.exit(1);
    }
    log('INFO', `${options.service} server listening`, { port });
  });
  serveMetrics();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      server.tryShutdown(() => process.exit(0));
      setTimeout(() => process.exit(0), 3000).unref();
    });
  }
}

function unary(service: string, method: string, handler: (request: unknown) => Promise<unknown>) {
  return (call: ServerUnaryCall<unknown, unknown>, answer: sendUnaryData<unknown>): void => {
    const stop = durations.startTimer({ grpc_service: service, grpc_method: method });
    handler(call.request).then(
      (response) => {
        stop({ grpc_code: 'OK' });
        answer(null, response);
      },
      (error: unknown) => {
        const code = error instanceof RpcError ? error.code : status.INTERNAL;
        const message = error instanceof Error ? error.message : String(error);
        stop({ grpc_code: status[code] });
        log('WARNING', 'call failed', { method, code: status[code], error: message });
        answer({ code, details: message });
      },
    );
  };
}
