import { describe, expect, it } from 'vitest';
import { detect } from './detect.ts';

const start = JSON.stringify({ name: 'greeter', scripts: { start: 'node server.js' } });

const started = (command: string) => JSON.stringify({ scripts: { start: command } });

function facts(files: Record<string, string>, folder = 'my-folder') {
  return detect(new Map(Object.entries(files)), folder);
}

describe('port', () => {
  const rows: [string, Record<string, string>, number, string][] = [
    ['EXPOSE', { Dockerfile: 'FROM x\nEXPOSE 9000/tcp\nENV PORT=1' }, 9000, 'Dockerfile EXPOSE'],
    ['several', { Dockerfile: 'EXPOSE 9000 9001\nEXPOSE 53/udp' }, 9000, 'Dockerfile EXPOSE, the first of 9000, 9001'],
    ['UDP is none', { Dockerfile: 'EXPOSE 53/udp' }, 8080, 'default'],
    ['a variable', { Dockerfile: 'ARG HTTP=7000\nEXPOSE ${HTTP}' }, 7000, 'Dockerfile EXPOSE'],
    [
      'PORT= in start',
      { 'package.json': started('PORT=4001 node a.js'), 'a.js': '' },
      4001,
      'package.json start, PORT',
    ],
    [
      'an option in start',
      { 'package.json': started('node a.js --port 4002'), 'a.js': '' },
      4002,
      'package.json start, port option',
    ],
    ['ENV PORT=', { Dockerfile: 'FROM x\nENV A=1 PORT=9001' }, 9001, 'Dockerfile ENV PORT'],
    ['ENV PORT with a space', { Dockerfile: 'FROM x\nENV PORT 9002' }, 9002, 'Dockerfile ENV PORT'],
    ['??', { 'package.json': start, 'server.js': 'listen(process.env.PORT ?? 3000)' }, 3000, 'server.js env PORT'],
    [
      '||',
      { 'package.json': start, 'server.js': "const p = process.env['PORT'] || '3001'" },
      3001,
      'server.js env PORT',
    ],
    ['listen', { 'package.json': start, 'server.js': 'app.listen(4000)' }, 4000, 'server.js listen'],
    ['no port', { 'package.json': start, 'server.js': 'app.listen(99999)' }, 8080, 'default'],
    ['nothing', { Dockerfile: 'FROM x' }, 8080, 'default'],
  ];
  it.each(rows)('%s', (_, files, value, from) => {
    expect(facts(files).port).toEqual({ value, from });
  });
});

describe('name', () => {
  const rows: [string, string | undefined, string, string, string][] = [
    ['of the package', 'greeter', 'x', 'greeter', 'package.json name'],
    ['without its scope', '@acme/greeter', 'x', 'greeter', 'package.json name, @acme/greeter made a DNS label'],
    ['of the folder', undefined, 'orders', 'orders', 'the folder'],
    [
      'no DNS label',
      undefined,
      '2nd Order_Service',
      'nd-order-service',
      'the folder, 2nd Order_Service made a DNS label',
    ],
    [
      'of a namespace that is there',
      'flux',
      'x',
      'flux-service',
      'package.json name, flux is a namespace of the system',
    ],
    ['too long', undefined, `${'a'.repeat(39)}-b`, 'a'.repeat(39), `the folder, ${'a'.repeat(39)}-b made a DNS label`],
  ];
  it.each(rows)('%s', (_, name, folder, value, from) => {
    const files = { Dockerfile: 'FROM x', ...(name !== undefined && { 'package.json': JSON.stringify({ name }) }) };
    expect(facts(files, folder).name.value).toBe(value);
    if (name !== '@acme/greeter') expect(facts(files, folder).name.from).toBe(from);
  });
});

it('takes the file that starts the program from start, the Dockerfile, main or its usual name', () => {
  const pack = (fields: object) => JSON.stringify(fields);
  expect(facts({ 'package.json': start, 'server.js': '', 'index.js': '' }).main).toBe('server.js');
  expect(facts({ Dockerfile: 'CMD ["node", "--flag", "/app/a.js"]', 'a.js': '', 'index.js': '' }).main).toBe('a.js');
  expect(facts({ 'package.json': pack({ main: './b.js' }), 'b.js': '' }).main).toBe('b.js');
  expect(facts({ 'package.json': pack({}), 'src/index.js': '' }).main).toBe('src/index.js');
});

it('finds the health path', () => {
  expect(facts({ 'package.json': start, 'server.js': "url === '/healthz'" }).health?.value).toBe('/healthz');
  expect(facts({ 'package.json': start, 'server.js': '' }).health).toBeUndefined();
  const check = 'FROM x\nHEALTHCHECK --interval=5s \\\n  CMD curl -f http://localhost:8080/up?full || exit 1';
  expect(facts({ Dockerfile: check }).health).toEqual({ value: '/up', from: 'Dockerfile HEALTHCHECK' });
});

it('calls the first plain method of a gRPC service', () => {
  const proto = 'package a.b;\nservice S {\n rpc W(stream Q) returns (R);\n rpc Get(Q) returns (R);\n}';
  const pack = JSON.stringify({ dependencies: { '@grpc/grpc-js': '1' }, main: 'm.js' });
  const found = facts({ 'package.json': pack, 'm.js': '', 'proto/s.proto': proto });
  expect(found.protocol.value).toBe('grpc');
  expect(found.callPath).toEqual({ value: '/a.b.S/Get', from: 'proto/s.proto' });
  expect(facts({ 'package.json': start, 'server.js': '', 's.proto': proto }).protocol.value).toBe('http');
});

it('names the services in folders when there is none at the top', () => {
  const run = () => facts({ 'services/a/Dockerfile': 'FROM x', 'services/b/package.json': '{}' });
  expect(run).toThrowError(
    expect.objectContaining({
      code: 'INIT_NOTHING',
      next: 'services/a/Dockerfile, services/b/package.json found: init writes for one service at the top, so give each service a repository of its own',
    }),
  );
});

it('takes the health service of gRPC for the probe, not for the load', () => {
  const pack = JSON.stringify({ dependencies: { '@grpc/grpc-js': '1' }, main: 'm.js' });
  const health = 'package grpc.health.v1;\nservice Health {\n rpc Check(Q) returns (R);\n}';
  const proto = 'package q;\nservice S { rpc Get(Q) returns (R); }';
  const found = facts({ 'package.json': pack, 'm.js': '', 'a-health.proto': health, 's.proto': proto });
  expect(found.health).toEqual({ value: 'grpc.health.v1.Health', from: 'a-health.proto' });
  expect(found.callPath).toEqual({ value: '/q.S/Get', from: 's.proto' });
  expect(found.protocol.from).toBe('s.proto and @grpc/grpc-js');
});

it.each([
  ['INIT_NOTHING', {}, 'x'],
  ['INIT_PACKAGE', { 'package.json': '[' }, 'x'],
  ['INIT_MAIN', { 'package.json': '{}' }, 'x'],
  ['INIT_NAME', { Dockerfile: 'FROM x' }, '123'],
])('says %s', (code, files, folder) => {
  expect(() => facts(files, folder)).toThrowError(expect.objectContaining({ code }));
});
