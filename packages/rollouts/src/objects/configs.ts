/** ConfigMaps and Secrets a target uses: found, fingerprinted, copied for the primary, and rewritten in its template. */

import { ConfigMaps, Secrets, type ConfigMap, type PodSpec, type Secret } from '@towpath/api';
import { isRecord } from '@towpath/kit';
import { isAlreadyExists, type Client } from '@towpath/runtime';
import type { Canary } from '../canary.ts';
import { dataHash } from '../hash.ts';
import { ownedBy } from './metadata.ts';

/** `configmap/NAME` or `secret/NAME` → fingerprint of its data. */
export type TrackedConfigs = Readonly<Record<string, string>>;

const trackedSecretTypes: ReadonlySet<string> = new Set([
  'Opaque',
  'kubernetes.io/basic-auth',
  'kubernetes.io/ssh-auth',
  'kubernetes.io/tls',
]);
const optOutAnnotation = 'flagger.app/config-tracking';

/** Every `configmap/NAME` and `secret/NAME` that a pod spec refers to. */
function referencedConfigs(spec: PodSpec): string[] {
  const found = new Set<string>();
  visitReferences(spec, (kind, name) => {
    found.add(`${kind}/${name}`);
    return name;
  });
  return [...found].toSorted();
}

/** The same spec with tracked names replaced by their primary copies. */
export function rewriteConfigs(spec: PodSpec, tracked: TrackedConfigs): PodSpec {
  return visitReferences(spec, (kind, name) => (tracked[`${kind}/${name}`] === undefined ? name : `${name}-primary`));
}

type Rename = (kind: 'configmap' | 'secret', name: string) => string;

/** Goes through volumes, projected volumes, env and envFrom; returns the spec with names replaced. */
function visitReferences(spec: PodSpec, rename: Rename): PodSpec {
  const container = <Holder extends Record<string, unknown>>(one: Holder): Holder => ({
    ...one,
    ...(Array.isArray(one['env']) && { env: one['env'].map((entry) => inside(entry, 'valueFrom', envSource(rename))) }),
    ...(Array.isArray(one['envFrom']) && { envFrom: one['envFrom'].map(envFromSource(rename)) }),
  });
  return {
    ...spec,
    containers: spec.containers.map(container),
    ...(spec.initContainers !== undefined && { initContainers: spec.initContainers.map(container) }),
    ...(spec.volumes !== undefined && { volumes: spec.volumes.map(volume(rename)) }),
  };
}

type Transform = (value: Record<string, unknown>) => Record<string, unknown>;

/** Applies `transform` to a member that is an object. */
function inside(value: unknown, member: string, transform: Transform): Record<string, unknown> {
  const holder = isRecord(value) ? value : {};
  const inner = holder[member];
  return isRecord(inner) ? { ...holder, [member]: transform(inner) } : holder;
}

function named(kind: 'configmap' | 'secret', key: string, rename: Rename): Transform {
  return (reference) => {
    const name = reference[key];
    return typeof name === 'string' ? { ...reference, [key]: rename(kind, name) } : reference;
  };
}

function envSource(rename: Rename): Transform {
  return (source) => {
    const withConfig = inside(source, 'configMapKeyRef', named('configmap', 'name', rename));
    return inside(withConfig, 'secretKeyRef', named('secret', 'name', rename));
  };
}

function envFromSource(rename: Rename): (entry: unknown) => Record<string, unknown> {
  return (entry) => {
    const withConfig = inside(entry, 'configMapRef', named('configmap', 'name', rename));
    return inside(withConfig, 'secretRef', named('secret', 'name', rename));
  };
}

function volume(rename: Rename): (entry: Record<string, unknown>) => Record<string, unknown> {
  return (entry) => {
    const withConfig = inside(entry, 'configMap', named('configmap', 'name', rename));
    const withSecret = inside(withConfig, 'secret', named('secret', 'secretName', rename));
    return inside(withSecret, 'projected', (projected) => {
      const sources = Array.isArray(projected['sources']) ? projected['sources'] : [];
      const renamed = sources.map((source: unknown) => {
        return inside(
          inside(source, 'configMap', named('configmap', 'name', rename)),
          'secret',
          named('secret', 'name', rename),
        );
      });
      return { ...projected, sources: renamed };
    });
  };
}

/** Reads and fingerprints what the target refers to. What is missing, opted out or of another type is not tracked. */
export async function trackConfigs(client: Client, namespace: string, spec: PodSpec): Promise<TrackedConfigs> {
  const tracked: Record<string, string> = {};
  for (const reference of referencedConfigs(spec)) {
    const source = await readConfig(client, namespace, reference);
    if (source !== undefined) tracked[reference] = dataHash(dataOf(source));
  }
  return tracked;
}

async function readConfig(
  client: Client,
  namespace: string,
  reference: string,
): Promise<ConfigMap | Secret | undefined> {
  const [kind, name = ''] = reference.split('/');
  const key = { namespace, name };
  const source = kind === 'secret' ? await client.get(Secrets, key) : await client.get(ConfigMaps, key);
  if (source === undefined || source.metadata.annotations?.[optOutAnnotation] === 'disabled') return undefined;
  if (kind === 'secret' && !trackedSecretTypes.has((source as Secret).type ?? 'Opaque')) return undefined;
  return source;
}

function dataOf(source: ConfigMap | Secret): unknown {
  return { data: source.data, binaryData: 'binaryData' in source ? source.binaryData : undefined };
}

/** Brings the primary's copies to the state of the originals. */
export async function copyConfigs(client: Client, canary: Canary, tracked: TrackedConfigs): Promise<void> {
  const namespace = canary.metadata.namespace ?? '';
  for (const reference of Object.keys(tracked)) {
    const source = await readConfig(client, namespace, reference);
    if (source !== undefined) await writeCopy(client, canary, source);
  }
}

async function writeCopy(client: Client, canary: Canary, source: ConfigMap | Secret): Promise<void> {
  const { namespace, name } = source.metadata;
  const copy = {
    apiVersion: 'v1',
    kind: source.kind,
    metadata: {
      name: `${name}-primary`,
      ...(namespace !== undefined && { namespace }),
      ownerReferences: ownedBy(canary),
    },
    ...(source.data !== undefined && { data: source.data }),
    ...('binaryData' in source && source.binaryData !== undefined && { binaryData: source.binaryData }),
    ...('type' in source && source.type !== undefined && { type: source.type }),
  };
  const type = source.kind === 'Secret' ? Secrets : ConfigMaps;
  try {
    await client.create(type, copy);
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    const live = await client.get(type, { ...(namespace !== undefined && { namespace }), name: copy.metadata.name });
    if (live === undefined || dataHash(dataOf(live)) === dataHash(dataOf(source))) return;
    await client.update(type, { ...copy, metadata: { ...live.metadata, ownerReferences: ownedBy(canary) } });
  }
}
