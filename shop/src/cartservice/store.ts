/** The cart store: a small Redis-compatible server (PING, GET, SET, DEL, EXISTS, DBSIZE), in memory. */

import { createServer, type Socket } from 'node:net';
import { log } from '../../lib/log.ts';
import { setting } from '../../lib/settings.ts';
import { encode, RespParser, type RespValue } from './resp.ts';

/** The oldest keys go first beyond this. */
const maxKeys = 100_000;
const values = new Map<string, Buffer>();

function answer(request: RespValue): RespValue {
  if (!Array.isArray(request)) return new Error('unknown command');
  const [name = '', key = '', ...rest] = request.map((part) =>
    Buffer.isBuffer(part) ? part : Buffer.from(String(part)),
  );
  const text = String(key);
  switch (String(name).toUpperCase()) {
    case 'PING':
      return 'PONG';
    case 'GET':
      return values.get(text) ?? null;
    case 'SET':
      values.delete(text);
      values.set(text, rest[0] ?? Buffer.alloc(0));
      if (values.size > maxKeys) values.delete(values.keys().next().value ?? '');
      return 'OK';
    case 'DEL':
      return values.delete(text) ? 1 : 0;
    case 'EXISTS':
      return values.has(text) ? 1 : 0;
    case 'DBSIZE':
      return values.size;
    default:
      return new Error(`unknown command '${String(name).slice(0, 40)}'`);
  }
}

function handle(socket: Socket): void {
  const parser = new RespParser();
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk) => {
    try {
      for (const request of parser.push(chunk as Buffer)) socket.write(encode(answer(request)));
    } catch (error) {
      socket.end(encode(error instanceof Error ? error : new Error('bad request')));
    }
  });
}

const server = createServer(handle);
const port = Number(setting('PORT', '6379'));
server.listen(port, () => log('INFO', 'cart store listening', { port }));
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => process.exit(0));
