/** Small servers that the parts need: a chart repository and a Prometheus that always has the same answer. Loopback only. */

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { basename } from 'node:path';

/** Serves packaged charts; `add` makes a new version known. */
export async function startCharts() {
  const archives = new Map();
  const index = () => {
    const entries = {};
    for (const { name, version, file, bytes } of archives.values()) {
      const digest = createHash('sha256').update(bytes).digest('hex');
      (entries[name] ??= []).push({ apiVersion: 'v2', name, version, urls: [basename(file)], digest });
    }
    return JSON.stringify({ apiVersion: 'v1', entries });
  };
  const server = await serve((path) => {
    if (path === '/index.yaml') return { type: 'text/yaml', body: index() };
    const archive = archives.get(path.slice(1));
    return archive === undefined ? undefined : { type: 'application/gzip', body: archive.bytes };
  });
  return {
    ...server,
    add({ name, version, file }) {
      archives.set(basename(file), { name, version, file, bytes: readFileSync(file) });
    },
  };
}

/** Answers 401 to everything, as a forge does to a wrong password. */
export function startRefuser() {
  return serve(() => ({ status: 401, type: 'text/plain', body: 'authorization failed\n' }));
}

/** Every instant query is a vector of one sample; without a value it has none. */
export function startPrometheus(value) {
  const sample = { metric: {}, value: [0, value] };
  return serve((path, query) => {
    if (!path.endsWith('/api/v1/query')) return undefined;
    if (value === undefined && query.get('query') !== 'vector(1)') return vector([]);
    const asked = query.get('query') === 'vector(1)' ? { ...sample, value: [0, '1'] } : sample;
    return vector([asked]);
  });
}

function vector(result) {
  const body = JSON.stringify({ status: 'success', data: { resultType: 'vector', result } });
  return { type: 'application/json', body };
}

async function serve(answer) {
  const server = createServer(async (request, response) => {
    const url = new URL(request.url, 'http://127.0.0.1');
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const form = new URLSearchParams(Buffer.concat(chunks).toString());
    const found = answer(url.pathname, url.searchParams.has('query') ? url.searchParams : form);
    response.writeHead(found?.status ?? (found === undefined ? 404 : 200), {
      'content-type': found?.type ?? 'text/plain',
    });
    response.end(found?.body ?? 'not found\n');
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    dispose() {
      server.closeAllConnections();
      server.close();
    },
  };
}
