/** What each controller made of an image object, without what differs between any two runs. */

import { spawnSync } from 'node:child_process';
import { readRepository } from './material.mjs';
import { objectPath, pluralOf } from './steps.mjs';

const kubectl = 'kubectl';
const time = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)/g;
const byText = (left, right) => (left < right ? -1 : 1);

/** Status, finalizers, events, what kubectl prints, and the repository of an automation. */
export async function outcome(place, { api, namespace, name, kind }) {
  const object = await api.get(objectPath(namespace, kind, name));
  const found = {
    metadata: { finalizers: object?.metadata.finalizers, managers: managersOf(object) },
    status: object?.status,
    events: await eventsOf(api, namespace, kind, name),
    kubectl: kubectlOf(place, namespace, kind, name),
    ...(kind === 'ImageUpdateAutomation' && { git: readRepository(place, namespace, name) }),
  };
  const text = JSON.stringify(found, (key, value) => (key === 'lastTransitionTime' ? undefined : value));
  return JSON.parse(
    text
      .replaceAll(namespace, 'NAMESPACE')
      .replace(time, 'TIME')
      .replaceAll(/\b[0-9a-f]{40}\b/g, 'COMMIT')
      .replaceAll(/commit '[0-9a-f]{7}'/g, "commit 'COMMIT'"),
  );
}

function managersOf(object) {
  return (object?.metadata.managedFields ?? [])
    .filter(({ manager }) => manager !== 'test')
    .map(({ manager, operation, subresource }) => `${manager} ${operation} ${subresource ?? ''}`)
    .toSorted(byText);
}

async function eventsOf(api, namespace, kind, name) {
  const events = await api.list(`/api/v1/namespaces/${namespace}/events`);
  const lines = events
    .filter(({ involvedObject }) => involvedObject.kind === kind && involvedObject.name === name)
    .map(({ type, reason, message, metadata, source }) => {
      const annotations = Object.entries(metadata.annotations ?? {})
        .map(([key, value]) => `${key}=${value}`)
        .toSorted(byText);
      // How long it is to the next scan depends on the moment.
      const text = message.replace(/next scan in [\w.]+/, 'next scan in A WHILE');
      return `${source?.component} ${type} ${reason}: ${text} [${annotations.join(', ')}]`;
    });
  return Object.fromEntries(lines.map((line) => [line, true]));
}

function kubectlOf(place, namespace, kind, name) {
  const args = ['-n', namespace, 'get', pluralOf(kind), name, '--ignore-not-found', '-o', 'wide'];
  const { stdout, stderr } = spawnSync(kubectl, args, {
    encoding: 'utf8',
    env: { ...process.env, KUBECONFIG: place.kubeconfig },
  });
  return (stdout + stderr).replace(/\b\d+(?:ms|s)\b/g, 'AGE').replace(/ +/g, ' ');
}
