// A gRPC service, the sample of `towpath init`.
import { fileURLToPath } from 'node:url';
import grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

const load = (file) => grpc.loadPackageDefinition(loadSync(fileURLToPath(new URL(file, import.meta.url))));
const { Quotes } = load('quotes.proto').quotes.v1;
const { Health } = load('health.proto').grpc.health.v1;
const failures = 0;

const server = new grpc.Server();
server.addService(Quotes.service, {
  Get({ request }, answer) {
    if (Math.random() < failures) answer({ code: grpc.status.UNAVAILABLE, details: 'the exchange is closed' });
    else answer(null, { symbol: request.symbol || 'TOW', price: 42 });
  },
});
server.addService(Health.service, { Check: (_call, answer) => answer(null, { status: 'SERVING' }) });
server.bindAsync(`0.0.0.0:${process.env.PORT ?? 50051}`, grpc.ServerCredentials.createInsecure(), (error) => {
  if (error) throw error;
});
process.on('SIGTERM', () => server.tryShutdown(() => process.exit(0)));
