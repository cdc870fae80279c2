/** The values of a HelmRelease: every source in order, the inline ones last. */

import { ConfigMaps, Secrets } from '@towpath/api';
import { fromYaml, type ValueLayer } from '@towpath/charts';
import { isRecord, messageOf, type UnknownRecord } from '@towpath/kit';
import type { Client } from '@towpath/runtime';
import { releaseError } from '../errors.ts';
import type { HelmReleaseSpec, ValuesSource } from './helm-release.ts';

export interface ValuesDeps {
  readonly client: Pick<Client, 'get'>;
  /** Of the HelmRelease: where sources are that name no namespace. */
  readonly namespace: string;
  /** A file of the chart, or undefined. */
  readonly readChartFile: (path: string) => Promise<Uint8Array | undefined>;
  readonly fetchText: (url: string) => Promise<string>;
}

/** Values with the sources they were merged from, in their order. */
export interface ComposedValues {
  readonly values: UnknownRecord;
  readonly layers: readonly ValueLayer[];
}

/** Throws `VALUES_INVALID` naming the source. */
export async function composeValues(spec: HelmReleaseSpec, deps: ValuesDeps): Promise<ComposedValues> {
  const layers: Layer[] = [];
  for (const source of spec.valuesFrom) layers.push(await readSource(source, deps));
  layers.push({ kind: 'file', source: 'spec.values', values: spec.values });
  return { values: layers.reduce<UnknownRecord>((under, { values }) => overlay(under, values), {}), layers };
}

type Layer = ValueLayer & { readonly values: UnknownRecord };

async function readSource(source: ValuesSource, deps: ValuesDeps): Promise<Layer> {
  const name = nameOf(source, deps.namespace);
  const layer = { kind: 'file', source: name, isSecret: source.type === 'secret', values: {} } as const;
  let text: string | undefined;
  try {
    text = await readText(source, deps);
  } catch (error) {
    if (source.optional) return layer;
    throw invalid(`${name}: ${messageOf(error)}`, error);
  }
  if (text === undefined) {
    if (source.optional) return layer;
    throw invalid(`${name} is not there`);
  }
  let parsed: unknown;
  try {
    parsed = fromYaml(text, { file: name });
  } catch (error) {
    throw invalid(messageOf(error), error);
  }
  if (parsed === null || parsed === undefined) return layer;
  if (!isRecord(parsed)) throw invalid(`${name} is no table of values`);
  return { ...layer, text, values: parsed };
}

async function readText(source: ValuesSource, deps: ValuesDeps): Promise<string | undefined> {
  switch (source.type) {
    case 'configMap': {
      const key = { namespace: source.namespace ?? deps.namespace, name: source.name };
      return (await deps.client.get(ConfigMaps, key))?.data?.[source.key];
    }
    case 'secret': {
      const key = { namespace: source.namespace ?? deps.namespace, name: source.name };
      const data = (await deps.client.get(Secrets, key))?.data?.[source.key];
      return data === undefined ? undefined : Buffer.from(data, 'base64').toString('utf8');
    }
    case 'external':
      return deps.fetchText(source.url);
    case 'chartFile': {
      const bytes = await deps.readChartFile(source.path);
      return bytes === undefined ? undefined : Buffer.from(bytes).toString('utf8');
    }
  }
}

function nameOf(source: ValuesSource, namespace: string): string {
  switch (source.type) {
    case 'configMap':
    case 'secret': {
      const kind = source.type === 'secret' ? 'Secret' : 'ConfigMap';
      return `${kind} ${source.namespace ?? namespace}/${source.name} key ${source.key}`;
    }
    case 'external':
      return source.url;
    case 'chartFile':
      return `chart file ${source.path}`;
  }
}

/** Later sources win; tables are merged, a null stays: it takes the chart's default away. */
function overlay(under: UnknownRecord, over: UnknownRecord): UnknownRecord {
  const merged: UnknownRecord = { ...under };
  for (const [key, value] of Object.entries(over)) {
    const below = under[key];
    merged[key] = isRecord(value) && isRecord(below) ? overlay(below, value) : value;
  }
  return merged;
}

function invalid(message: string, cause?: unknown): Error {
  return releaseError('VALUES_INVALID', message, {
    next: 'create the source, correct it, or mark it optional',
    ...(cause === undefined ? {} : { cause }),
  });
}
