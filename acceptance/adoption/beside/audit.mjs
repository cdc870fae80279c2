/** Stands between a client and the API server and keeps what was asked: the proof that a command only reads. */

import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { request } from 'node:https';
import { join } from 'node:path';
import { load } from '../../releases/yaml.mjs';

/** Asks with `token`, or as the user of the running Towpath's kubeconfig. `kubeconfig` leads here; `taken()` gives the requests since the last time it was asked, as `VERB path?query`. */
export async function startAudit(walk, token) {
  const { server: target, headers, tls } = credentialsOf(walk.ready.kubeconfig, token);
  let asked = [];
  const server = createServer((from, to) => {
    asked.push(`${from.method} ${from.url}`);
    const { host: _host, ...sentHeaders } = from.headers;
    const sent = request(
      new URL(from.url, target),
      { ...tls, method: from.method, headers: { ...sentHeaders, ...headers } },
      (answer) => {
        to.writeHead(answer.statusCode, answer.headers);
        answer.pipe(to);
      },
    );
    sent.on('error', () => to.destroy());
    from.pipe(sent);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const kubeconfig = join(walk.work, `audited-${server.address().port}.kubeconfig`);
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'audited',
    clusters: [{ name: 'audited', cluster: { server: `http://127.0.0.1:${server.address().port}` } }],
    users: [{ name: 'audited', user: {} }],
    contexts: [{ name: 'audited', context: { cluster: 'audited', user: 'audited' } }],
  };
  writeFileSync(kubeconfig, JSON.stringify(config));
  return {
    kubeconfig,
    taken() {
      const taken = asked;
      asked = [];
      return taken;
    },
    dispose() {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** True for what changes nothing. */
export function isRead(line) {
  return line.startsWith('GET ') || /[?&]dryRun=All(?:&|$)/.test(line);
}

function credentialsOf(file, token) {
  const config = load(readFileSync(file, 'utf8'));
  const { context } = config.contexts.find(({ name }) => name === config['current-context']);
  const { cluster } = config.clusters.find(({ name }) => name === context.cluster);
  const { user } = config.users.find(({ name }) => name === context.user);
  const bearer = token ?? user.token;
  const decode = (text) => (text === undefined ? undefined : Buffer.from(text, 'base64'));
  return {
    server: cluster.server,
    headers: bearer === undefined ? {} : { authorization: `Bearer ${bearer}` },
    tls: {
      ca: decode(cluster['certificate-authority-data']),
      ...(token === undefined && {
        cert: decode(user['client-certificate-data']),
        key: decode(user['client-key-data']),
      }),
    },
  };
}
