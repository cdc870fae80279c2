// A service without dependencies, the sample of `towpath init`.
import { createServer } from 'node:http';

const greeting = 'hello';

const server = createServer((request, response) => {
  if (request.url === '/healthz') response.end('ok\n');
  else response.end(`${greeting}\n`);
});
server.listen(Number(process.env.PORT ?? 3000));
process.on('SIGTERM', () => server.close(() => process.exit(0)));
