/** A few calls of the Kubernetes API for the comparison. */

import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { load } from './yaml.mjs';

/** Calls as the user of a kubeconfig. */
export async function createApi(kubeconfig) {
  const config = load(readFileSync(kubeconfig, 'utf8'));
  const context = config.contexts.find(({ name }) => name === config['current-context']).context;
  const { cluster } = config.clusters.find(({ name }) => name === context.cluster);
  const { user } = config.users.find(({ name }) => name === context.user);
  const decode = (text) => (text === undefined ? undefined : Buffer.from(text, 'base64'));
  const base = {
    ca: decode(cluster['certificate-authority-data']),
    cert: decode(user['client-certificate-data']),
    key: decode(user['client-key-data']),
  };
  const headers = user.token === undefined ? {} : { authorization: `Bearer ${user.token}` };
  async function call(method, path, body, type = 'application/json') {
    const text = await new Promise((resolve, reject) => {
      const sent = request(
        new URL(path, cluster.server),
        { ...base, method, headers: { ...headers, 'content-type': type } },
        (answer) => {
          const chunks = [];
          answer.on('data', (chunk) => chunks.push(chunk));
          answer.on('end', () => resolve({ status: answer.statusCode, text: Buffer.concat(chunks).toString() }));
        },
      );
      sent.on('error', reject);
      sent.end(body === undefined ? undefined : JSON.stringify(body));
    });
    return { status: text.status, body: text.text === '' ? undefined : JSON.parse(text.text) };
  }
  async function get(path) {
    const { status, body } = await call('GET', path);
    if (status === 404) return undefined;
    if (status >= 400) throw new Error(`GET ${path}: ${body?.message}`);
    return body;
  }
  return {
    call,
    get,
    list: async (path) => (await get(path))?.items ?? [],
    async apply(object) {
      const { status, body } = await call(
        'PATCH',
        `${pathOf(object)}?fieldManager=test&force=true`,
        object,
        'application/apply-patch+yaml',
      );
      if (status >= 400) throw new Error(`apply ${object.kind} ${object.metadata.name}: ${body?.message}`);
      return body;
    },
    async patch(path, change) {
      const { status, body } = await call('PATCH', path, change, 'application/merge-patch+json');
      if (status >= 400) throw new Error(`PATCH ${path}: ${body?.message}`);
      return body;
    },
    delete: (path) => call('DELETE', path),
  };
}

const plurals = {
  GitRepository: 'gitrepositories',
  HelmRepository: 'helmrepositories',
  OCIRepository: 'ocirepositories',
  Ingress: 'ingresses',
  ImageRepository: 'imagerepositories',
  ImagePolicy: 'imagepolicies',
};

export function pathOf({ apiVersion, kind, metadata }) {
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const plural = plurals[kind] ?? `${kind.toLowerCase()}s`;
  const place = metadata.namespace === undefined ? '' : `/namespaces/${metadata.namespace}`;
  return `${root}${place}/${plural}/${metadata.name}`;
}
