/** What each controller made of a source, without what differs between any two runs. */

import { createHash } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { pluralOf, sourcePath } from './scenarios.mjs';

const kubectl = 'kubectl';
const time = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)/g;

/** Status, finalizers, events, what kubectl prints, and the files of the artifact. */
export async function outcome(place, { api, namespace, name, kind, address }) {
  const object = await api.get(sourcePath(namespace, kind, name));
  const { artifact, ...status } = object?.status ?? {};
  const found = {
    metadata: { finalizers: object?.metadata.finalizers, managers: managersOf(object) },
    status: { ...status, artifact: plain(artifact), includedArtifacts: status.includedArtifacts?.map(plain) },
    files: artifact && (await filesOf(artifact)),
    events: await eventsOf(api, namespace, kind, name),
    kubectl: kubectlOf(place, namespace, kind, name),
  };
  const text = JSON.stringify(found, (key, value) => (key === 'lastTransitionTime' ? undefined : value));
  return JSON.parse(text.replaceAll(namespace, 'NAMESPACE').replaceAll(address, 'ADDRESS').replace(time, 'TIME'));
}

const byText = (left, right) => (left < right ? -1 : 1);

/** Go compresses otherwise. */
function plain(artifact) {
  return artifact && { ...artifact, digest: 'DIGEST', size: 'SIZE' };
}

function managersOf(object) {
  return (object?.metadata.managedFields ?? [])
    .filter(({ manager }) => manager !== 'test')
    .map(({ manager, operation, subresource }) => `${manager} ${operation} ${subresource ?? ''}`)
    .toSorted(byText);
}

/** Mode, owner and digest of each file; of other things their digest. */
async function filesOf({ url, digest }) {
  const answer = await fetch(url);
  if (!answer.ok) return `GET ${url}: ${answer.status}`;
  const bytes = Buffer.from(await answer.arrayBuffer());
  const actual = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  if (actual !== digest) return `digest ${actual} is not ${digest}`;
  if (!url.endsWith('gz')) return bytes.toString();
  const list = spawnSync('tar', ['-tvzf', '-', '--full-time', '--utc'], { input: bytes, encoding: 'utf8' });
  const content = spawnSync('tar', ['-xzOf', '-'], { input: bytes });
  const lines = list.stdout.split('\n').filter((line) => line !== '' && !line.startsWith('d'));
  // The chart's YAML is written by another library; bits of programs are a limit of ours.
  if (url.endsWith('.tgz')) return lines.map((line) => line.split(' ').at(-1) ?? '').toSorted(byText);
  const modeless = lines.map((line) => line.replace('-rwx', '-rw-'));
  return { lines: modeless.toSorted(byText).join('\n'), content: content.stdout.length };
}

async function eventsOf(api, namespace, kind, name) {
  const events = await api.list(`/api/v1/namespaces/${namespace}/events`);
  const lines = events
    .filter(({ involvedObject }) => involvedObject.kind === kind && involvedObject.name === name)
    .map(({ type, reason, message, metadata, source }) => {
      const annotations = Object.entries(metadata.annotations ?? {})
        .map(([key, value]) => `${key}=${value.replace(/^sha256:[0-9a-f]{64}$/, 'DIGEST')}`)
        .toSorted(byText);
      return `${source?.component} ${type} ${reason}: ${message} [${annotations.join(', ')}]`;
    });
  return Object.fromEntries(lines.map((line) => [line, true]));
}

function kubectlOf(place, namespace, kind, name) {
  const args = ['-n', namespace, 'get', pluralOf(kind), name, '--ignore-not-found'];
  const { stdout, stderr } = spawnSync(kubectl, args, {
    encoding: 'utf8',
    env: { ...process.env, KUBECONFIG: place.kubeconfig },
  });
  return (stdout + stderr).replace(/\b\d+(?:ms|s)\b/g, 'AGE').replace(/ +/g, ' ');
}
