/** The client of the cluster benchmark: the same for both servers, HTTPS with kept connections and JSON bodies. */

import { Agent, request } from 'node:https';

const valueChars = 1_000;

/** A client of a server with so many connections. */
export function createClient({ url, token, caPem }, connections) {
  const agent = new Agent({ keepAlive: true, maxSockets: connections, ca: caPem });
  const headers = { authorization: `Bearer ${token}`, accept: 'application/json' };
  const open = (method, path, body, type) =>
    new Promise((resolve, reject) => {
      const length = body === undefined ? {} : { 'content-type': type, 'content-length': Buffer.byteLength(body) };
      const outgoing = request(`${url}${path}`, { method, agent, headers: { ...headers, ...length } }, resolve);
      outgoing.once('error', reject);
      outgoing.end(body);
    });
  return {
    open,
    /** Resolves with the size of the answer; throws when it is no success. */
    async call(method, path, object, type = 'application/json') {
      const response = await open(method, path, object === undefined ? undefined : JSON.stringify(object), type);
      let sizeBytes = 0;
      const chunks = [];
      for await (const chunk of response) {
        sizeBytes += chunk.length;
        if (response.statusCode >= 300) chunks.push(chunk);
      }
      if (response.statusCode >= 300) {
        throw new Error(`${method} ${path} was answered ${response.statusCode}: ${Buffer.concat(chunks)}`);
      }
      return sizeBytes;
    },
    /** The text of the answer. */
    async text(path) {
      const chunks = [];
      for await (const chunk of await open('GET', path)) chunks.push(chunk);
      return Buffer.concat(chunks).toString();
    },
    dispose: () => agent.destroy(),
  };
}

/** Resolves when /readyz says so and the namespace `default` is there. */
export async function untilReady(server) {
  const client = createClient(server, 1);
  try {
    for (;;) {
      try {
        await client.call('GET', '/readyz');
        await client.call('GET', '/api/v1/namespaces/default');
        return;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    }
  } finally {
    client.dispose();
  }
}

/** A ConfigMap of a usual size. */
export function configMap(name, namespace = 'default') {
  const data = { value: 'v'.repeat(valueChars), name };
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace, labels: { app: 'bench' } }, data };
}

/** The path of a namespace's ConfigMaps. */
export function mapsPath(namespace = 'default') {
  return `/api/v1/namespaces/${namespace}/configmaps`;
}

/** Runs `count` operations on so many connections; operations per second. */
export async function rate({ count, parallel, run }) {
  let next = 0;
  const startedAt = performance.now();
  const workers = Array.from({ length: parallel }, async () => {
    while (next < count) await run(next++);
  });
  await Promise.all(workers);
  return (count * 1000) / (performance.now() - startedAt);
}

/** Milliseconds from the start of each create until each of the watchers has its event. */
export async function watchLatencies(server, { watchers, creates, namespace, prefix }) {
  const client = createClient(server, watchers + 1);
  const writer = createClient(server, 1);
  const latencies = [];
  const sentAt = new Map();
  let awaited = 0;
  let wake = () => {};
  const seen = (name) => {
    const from = sentAt.get(name);
    if (from === undefined) return;
    latencies.push(performance.now() - from);
    if (latencies.length >= awaited) wake();
  };
  try {
    // As clients do: a list, then a watch from there.
    const from = /"resourceVersion":"(\d+)"/.exec(await writer.text(`${mapsPath(namespace)}?limit=1`))?.[1];
    for (let index = 0; index < watchers; index++) {
      const response = await client.open('GET', `${mapsPath(namespace)}?watch=1&resourceVersion=${from}`);
      let rest = '';
      response.setEncoding('utf8').on('data', (chunk) => {
        const lines = `${rest}${chunk}`.split('\n');
        rest = lines.pop();
        for (const line of lines) seen(/"name":"([^"]+)"/.exec(line)?.[1]);
      });
      response.on('error', () => {});
    }
    for (let index = 0; index < creates; index++) {
      const name = `${prefix}-${index}`;
      awaited = latencies.length + watchers;
      const all = new Promise((resolve) => (wake = resolve));
      sentAt.set(name, performance.now());
      await writer.call('POST', mapsPath(namespace), configMap(name, namespace));
      if (latencies.length < awaited) await all;
    }
  } finally {
    client.dispose();
    writer.dispose();
  }
  return latencies;
}
