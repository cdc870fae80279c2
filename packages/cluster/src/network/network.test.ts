/** The preload and the dialer with real programs: two pods on port 80, names, errors, sidecars, the lifeline. */

import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EndpointSlice, Service } from '@towpath/api';
import 'reflect-metadata';
import { SubjectAlternativeNameExtension, X509CertificateGenerator } from '@peculiar/x509';
import { silentLogger, systemClock } from '@towpath/kit';
import type { Informer } from '@towpath/runtime';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createClusterView } from './cluster-view.ts';
import { startControlServer, type ControlServer } from './control-server.ts';
import { ClusterDialer, type NetworkDialer } from './dialer.ts';
import { createPodTable, type NetworkPod, type PodTable } from './pods.ts';
import { preloadSource } from './preload/source.ts';
import { createResolver } from './resolver.ts';
import { makeRunDir } from './run-dir.ts';
import { splice } from './splice.ts';

let dir: string;
let runDir: string;
let pods: PodTable;
let dialer: NetworkDialer;
let control: ControlServer;
const children = new Set<ChildProcess>();

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tp-'));
  runDir = await makeRunDir({ dataDir: dir, tempDir: tmpdir(), userId: process.getuid?.() ?? 0 });
  await writeFile(join(dir, 'preload.cjs'), preloadSource());
  const view = createClusterView({
    services: fixed<Service>([
      service('web', '10.96.0.10', [{ name: 'http', port: 80, targetPort: 'http' }]),
      service('empty', '10.96.0.11', [{ port: 80 }]),
      service('direct', 'None', [{ port: 80 }]),
    ]),
    slices: fixed<EndpointSlice>([slice('web', 'http'), slice('direct', '')]),
  });
  const resolver = createResolver({ view, hostServices: { 'git.towpath-system:80': { port: 1 } } });
  pods = createPodTable({ clock: systemClock });
  dialer = new ClusterDialer({ runDir, pods, resolver });
  control = await startControlServer({ runDir, pods, resolver, dialer, clock: systemClock, log: silentLogger });
});

afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await control.dispose();
  await rm(dir, { recursive: true, force: true });
});

test('two pods listen on port 80 and are reached by name, in turns, as a program and from the node', async () => {
  const server = `require('http').createServer((q, r) => r.end(process.env.NAME + ' ' + require('os').hostname()))
    .listen(80, function () { console.log(JSON.stringify(this.address())) })`;
  const one = await podWith('one', '10.244.1.2');
  const two = await podWith('two', '10.244.1.3');
  const first = run(one, server);
  const second = run(two, server);
  expect(JSON.parse(await first.line())).toEqual({ address: '10.244.1.2', family: 'IPv4', port: 80 });
  await second.line();

  const client = await podWith('client', '10.244.1.4');
  const asked = run(
    client,
    `const http = require('http'), http2 = require('http2'), dns = require('dns'), net = require('net');
     const get = (url) => new Promise((ok) => http.get(url, { agent: false }, (r) => { let t = ''; r.on('data', (d) => t += d).on('end', () => ok(t)) }).on('error', (e) => ok(e.code + ' ' + e.message)));
     (async () => {
       const out = {};
       out.http = [await get('http://web/'), await get('http://web.shop:80/'), await get('http://web.shop.svc.cluster.local./')];
       out.fetch = await (await fetch('http://web.shop')).text();
       out.ip = await get('http://10.244.1.3/');
       out.clusterIp = (await get('http://10.96.0.10/')).split(' ').length;
       out.lookup = await dns.promises.lookup('web');
       out.all = await new Promise((ok) => dns.lookup('direct', { all: true }, (e, a) => ok(a)));
       out.txt = await dns.promises.resolveTxt('web').catch((e) => e.code);
       out.empty = await get('http://empty/');
       out.unknown = await get('http://nosuch/');
       out.nobody = await get('http://10.244.1.2:81/');
       out.hostService = await get('http://git.towpath-system/');
       const socket = net.connect(80, 'web', () => { out.remote = [socket.remoteAddress, socket.remotePort, socket.localAddress]; socket.destroy(); console.log(JSON.stringify(out)) });
     })()`,
  );
  const out = JSON.parse(await asked.line()) as Record<string, unknown>;
  expect((out['http'] as string[]).toSorted()).toEqual(['one one', 'one one', 'two two']);
  expect(out['fetch']).toBe('two two');
  expect(out).toMatchObject({
    ip: 'two two',
    clusterIp: 2,
    lookup: { address: '10.96.0.10', family: 4 },
    all: [
      { address: '10.244.1.2', family: 4 },
      { address: '10.244.1.3', family: 4 },
    ],
    txt: 'ENODATA',
    empty: 'ECONNREFUSED connect ECONNREFUSED empty:80',
    unknown: 'ENOTFOUND getaddrinfo ENOTFOUND nosuch',
    nobody: 'ECONNREFUSED connect ECONNREFUSED 10.244.1.2:81',
    remote: ['10.96.0.10', 80, '10.244.1.4'],
  });
  expect(out['hostService']).toContain('ECONNREFUSED');
  expect(await asked.code).toBe(0);
  expect(await get('10.244.1.2')).toBe('one one');

  first.child.kill('SIGKILL');
  await first.code;
  await expect(dialer.dial({ host: '10.244.1.2', port: 80, direct: true })).rejects.toMatchObject({
    code: 'ECONNREFUSED',
  });
  pods.remove(one);
  expect(await get('web.shop')).toBe('two two');
  second.child.kill('SIGKILL');
  pods.remove(two);
  pods.remove(client);
});

test('http2 and own ports work; a port in use is refused', async () => {
  const pod = await podWith('many', '10.244.1.5');
  const program = run(
    pod,
    `const http2 = require('http2'), net = require('net');
     const server = http2.createServer(); server.on('stream', (s) => { s.respond({ ':status': 200 }); s.end('h2 ' + 'x'.repeat(100000)) });
     server.listen(50051, () => {
       const again = net.createServer().on('error', (e) => {
         const session = http2.connect('http://many:50051'); const s = session.request({ ':path': '/' }); let n = 0;
         s.on('data', (d) => n += d.length).on('end', () => { session.close();
           const remote = http2.connect('http://10.244.1.5:50051'); const t = remote.request({ ':path': '/' }); let m = 0;
           t.on('data', (d) => m += d.length).on('end', () => { remote.close(); console.log(JSON.stringify([e.code, n, m])); process.exit(0) }) });
       }).listen(50051);
     });`,
  );
  expect(JSON.parse(await program.line())).toEqual(['EADDRINUSE', 100003, 100003]);
  pods.remove(pod);
});

test("TLS is the program's own, end to end", async () => {
  const pod = await podWith('secure', '10.244.1.2');
  const { key, cert } = await selfSigned('web');
  const server = run(
    pod,
    `const https = require('https'), http2 = require('http2');
     http2.createSecureServer({ key: process.env.KEY, cert: process.env.CERT, allowHTTP1: true }, (q, r) => r.end('tls ' + q.httpVersion))
       .listen(80, () => console.log('up'));`,
    { KEY: key, CERT: cert },
  );
  await server.line();
  const client = await podWith('tls-client', '10.244.1.4');
  const asked = run(
    client,
    `const https = require('https'), http2 = require('http2'), tls = require('tls'); const ca = process.env.CERT;
     https.get('https://web:80/', { ca }, (r) => r.on('data', (d) => {
       const session = http2.connect('https://web:80', { ca }); const s = session.request({ ':path': '/' });
       s.on('data', (t) => { session.close();
         const wrong = tls.connect({ host: '10.244.1.2', port: 80, ca, servername: 'other' }, () => {});
         wrong.on('error', (e) => { console.log([d, t, e.code].join('|')); process.exit(0) });
       });
     }));`,
    { CERT: cert },
  );
  expect(await asked.line()).toBe('tls 1.1|tls 2.0|ERR_TLS_CERT_ALTNAME_INVALID');
  server.child.kill('SIGKILL');
  pods.remove(pod);
  pods.remove(client);
});

test('a sidecar gets what its pod opens and receives; one that is expected and absent refuses', async () => {
  const server = await podWith('server', '10.244.1.2');
  const program = run(
    server,
    `require('http').createServer((q, r) => r.end('inside')).listen(80, () => console.log('up'))`,
  );
  await program.line();
  const seen: string[] = [];
  const host = dialer.sidecarHost(server);
  pods.attachSidecar(server, {
    outbound: () => {},
    inbound(connection) {
      seen.push(`${connection.host}:${connection.port} from ${connection.caller?.pod}`);
      void host.dialLocal(connection.port).then((local) => splice(connection.stream, local));
    },
  });
  const client = await podWith('mesh-client', '10.244.1.7');
  const clientHost = dialer.sidecarHost(client);
  pods.attachSidecar(client, {
    inbound: () => {},
    outbound(connection) {
      seen.push(`to ${connection.host}:${connection.port}`);
      void clientHost.dialPeer('10.244.1.2', 80).then((peer) => splice(connection.stream, peer));
    },
  });
  const asked = run(client, `fetch('http://web').then((r) => r.text()).then(console.log)`);
  expect(await asked.line()).toBe('inside');
  expect(seen).toEqual(['to web:80', '10.244.1.2:80 from mesh-client']);
  expect(await get('10.244.1.2')).toBe('inside');
  expect(seen).toHaveLength(2);
  program.child.kill('SIGKILL');
  pods.remove(server);
  pods.remove(client);
});

test('a program without a token of a running pod is refused, and ends with its line to the dialer', async () => {
  const pod = await podWith('stranger', '10.244.1.8');
  pods.remove(pod);
  const program = run(pod, `setInterval(() => {}, 1000)`);
  expect(await program.code).toBe('SIGKILL');
});

function podWith(name: string, ip: string): Promise<NetworkPod> {
  const pod = pods.add({
    caller: { namespace: 'shop', pod: name, uid: name },
    ip,
    expectsSidecar: false,
  });
  return mkdir(join(runDir, 'p', pod.key), { recursive: true }).then(() => pod);
}

interface Program {
  readonly child: ChildProcess;
  readonly line: () => Promise<string>;
  readonly code: Promise<number | string>;
}

function run(pod: NetworkPod, source: string, env: Record<string, string> = {}): Program {
  const settings = {
    run: runDir,
    key: pod.key,
    token: pod.token,
    ip: pod.ip,
    pod: pod.caller.pod,
    hostLoopback: false,
  };
  const child = spawn(process.execPath, ['--require', join(dir, 'preload.cjs'), '-e', source], {
    env: { ...env, NAME: pod.caller.pod, TOWPATH_NET: JSON.stringify(settings) },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.add(child);
  const lines: string[] = [];
  let wake = (): void => {};
  let rest = '';
  child.stdout.on('data', (chunk: Buffer) => {
    const parts = (rest + chunk.toString()).split('\n');
    rest = parts.pop() ?? '';
    lines.push(...parts);
    wake();
  });
  const code = new Promise<number | string>((resolve) => {
    child.on('exit', (exitCode, signal) => resolve(exitCode ?? signal ?? -1));
  });
  const line = async (): Promise<string> => {
    while (lines.length === 0) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    return lines.shift() ?? '';
  };
  return { child, line, code };
}

async function selfSigned(name: string): Promise<{ key: string; cert: string }> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const cert = await X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`,
    keys,
    signingAlgorithm: algorithm,
    extensions: [new SubjectAlternativeNameExtension([{ type: 'dns', value: name }])],
  });
  const pkcs8 = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  return { key: `-----BEGIN PRIVATE KEY-----\n${pkcs8}\n-----END PRIVATE KEY-----\n`, cert: cert.toString('pem') };
}

async function get(host: string): Promise<string> {
  const stream = await dialer.dial({ host, port: 80, direct: true });
  return new Promise((resolve, reject) => {
    const outgoing = request({ host, createConnection: () => stream }, (answer) => {
      let text = '';
      answer.on('data', (chunk: Buffer) => (text += chunk.toString()));
      answer.on('end', () => resolve(text));
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}

function fixed<Object extends Service | EndpointSlice>(objects: Object[]): Informer<Object> {
  return {
    start: () => {},
    synced: () => Promise.resolve(),
    get: (key) => objects.find(({ metadata }) => metadata.name === key.name && metadata.namespace === key.namespace),
    list: () => objects,
    onChange(handler) {
      for (const object of objects) handler({ type: 'add', object });
      return () => {};
    },
    dispose: () => {},
  };
}

function service(name: string, clusterIP: string, ports: Service['spec']['ports']): Service {
  const metadata = { name, namespace: 'shop' };
  return { apiVersion: 'v1', kind: 'Service', metadata, spec: { clusterIP, ...(ports && { ports }) } };
}

function slice(name: string, port: string): EndpointSlice {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: `${name}-x`, namespace: 'shop', labels: { 'kubernetes.io/service-name': name } },
    addressType: 'IPv4',
    endpoints: [{ addresses: ['10.244.1.2'] }, { addresses: ['10.244.1.3'], conditions: { ready: true } }],
    ports: [{ name: port, port: 80 }],
  };
}
