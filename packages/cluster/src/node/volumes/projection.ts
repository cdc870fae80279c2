/** The files of configMap, secret, downwardAPI and projected volumes, from the objects they name. */

import type { ConfigMap, Pod, Secret } from '@towpath/api';
import { identityOf, type DownwardItem, type KeyToPath, type Volume, type VolumeProjection } from '../core.ts';
import { fieldText, resourceText, type PodFacts } from '../downward.ts';
import type { ConfigReader } from '../env.ts';
import type { VolumeFile, VolumeFiles } from './atomic-writer.ts';

const defaultMode = 0o644;

export interface ProjectionInput {
  readonly pod: Pod;
  readonly facts: PodFacts;
  readonly config: ConfigReader;
  /** A token of the pod's service account for `audience`. */
  readonly token: (options: { audience: string | undefined; expirationSeconds: number }) => Promise<string>;
}

/** Undefined for volumes that are no files of objects. Throws with the kubelet's words for what is missing. */
export async function projectedFiles(input: ProjectionInput, volume: Volume): Promise<VolumeFiles | undefined> {
  if (volume.projected !== undefined) {
    const mode = volume.projected.defaultMode ?? defaultMode;
    const parts: VolumeFiles[] = [];
    for (const source of volume.projected.sources ?? []) parts.push(await sourceFiles(input, source, mode));
    return new Map(parts.flatMap((part) => [...part]));
  }
  if (volume.configMap !== undefined) {
    return sourceFiles(input, { configMap: volume.configMap }, volume.configMap.defaultMode ?? defaultMode);
  }
  if (volume.secret !== undefined) {
    const { secretName: name, items, optional } = volume.secret;
    const secret = { name, ...(items && { items }), ...(optional !== undefined && { optional }) };
    return sourceFiles(input, { secret }, volume.secret.defaultMode ?? defaultMode);
  }
  if (volume.downwardAPI !== undefined) {
    return sourceFiles(input, { downwardAPI: volume.downwardAPI }, volume.downwardAPI.defaultMode ?? defaultMode);
  }
  return undefined;
}

async function sourceFiles(input: ProjectionInput, source: VolumeProjection, mode: number): Promise<VolumeFiles> {
  const { namespace } = identityOf(input.pod);
  if (source.configMap !== undefined) {
    const { name, items, optional } = source.configMap;
    const found = await input.config.configMap({ namespace, name });
    if (found === undefined && optional !== true) throw new Error(`configmap "${name}" not found`);
    return pick(configMapData(found), { items, optional, mode, of: `configmap ${namespace}/${name}` });
  }
  if (source.secret !== undefined) {
    const { name, items, optional } = source.secret;
    const found = await input.config.secret({ namespace, name });
    if (found === undefined && optional !== true) throw new Error(`secret "${name}" not found`);
    return pick(secretData(found), { items, optional, mode, of: `secret ${namespace}/${name}` });
  }
  if (source.downwardAPI !== undefined) return downwardFiles(input, source.downwardAPI.items ?? [], mode);
  if (source.serviceAccountToken !== undefined) {
    const { path, audience, expirationSeconds = 3600 } = source.serviceAccountToken;
    const token = await input.token({ audience, expirationSeconds });
    return new Map([[path, { data: Buffer.from(token), mode }]]);
  }
  throw new Error('a projected volume names a source that is not supported');
}

function configMapData(configMap: ConfigMap | undefined): Map<string, Uint8Array> {
  const text = Object.entries(configMap?.data ?? {}).map(([key, value]) => [key, Buffer.from(value)] as const);
  const binary = Object.entries(configMap?.binaryData ?? {});
  return new Map([...text, ...binary.map(([key, value]) => [key, Buffer.from(value, 'base64')] as const)]);
}

function secretData(secret: Secret | undefined): Map<string, Uint8Array> {
  const entries = Object.entries(secret?.data ?? {});
  return new Map(entries.map(([key, value]) => [key, Buffer.from(value, 'base64')]));
}

function pick(
  data: ReadonlyMap<string, Uint8Array>,
  options: { items: readonly KeyToPath[] | undefined; optional: boolean | undefined; mode: number; of: string },
): VolumeFiles {
  const { items, mode } = options;
  if (items === undefined) return new Map([...data].map(([key, bytes]) => [key, { data: bytes, mode }]));
  const files = new Map<string, VolumeFile>();
  for (const item of items) {
    const bytes = data.get(item.key);
    if (bytes !== undefined) files.set(item.path, { data: bytes, mode: item.mode ?? mode });
    else if (options.optional !== true) throw new Error(`${options.of} references non-existent key: ${item.key}`);
  }
  return files;
}

function downwardFiles(input: ProjectionInput, items: readonly DownwardItem[], mode: number): VolumeFiles {
  const { pod, facts } = input;
  return new Map(
    items.map((item) => {
      const text =
        item.fieldRef !== undefined
          ? fieldText(pod, facts, item.fieldRef)
          : resourceText(pod, facts, item.resourceFieldRef ?? { resource: '' }, undefined);
      return [item.path, { data: Buffer.from(text), mode: item.mode ?? mode }];
    }),
  );
}
