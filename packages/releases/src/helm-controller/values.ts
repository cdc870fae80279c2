/** The values of a HelmRelease: its references in order, the inline ones last. Source: fluxcd/pkg chartutil. */

import { ConfigMaps, Secrets } from '@towpath/api';
import { fromYaml, valuesFromFlags, type ValueLayer } from '@towpath/charts';
import { isRecord, messageOf, type UnknownRecord } from '@towpath/kit';
import type { Client } from '@towpath/runtime';
import { releaseError } from '../errors.ts';
import type { HelmRelease, ValuesReference } from './helm-release.ts';
import { namespaceOf } from './settings.ts';

export interface ComposedValues {
  readonly values: UnknownRecord;
  /** Where they came from, for errors of the chart. */
  readonly layers: readonly ValueLayer[];
}

/** Throws `VALUES_INVALID` in Flux's words. */
export async function composeValues(object: HelmRelease, client: Client): Promise<ComposedValues> {
  const inline = object.spec.values ?? {};
  const layers: ValueLayer[] = [];
  let result: UnknownRecord = {};
  for (const reference of object.spec.valuesFrom ?? []) {
    const text = await readReference(reference, namespaceOf(object), client);
    if (text === undefined) continue;
    const source = `${reference.kind} ${namespaceOf(object)}/${reference.name} key ${keyOf(reference)}`;
    const isSecret = reference.kind === 'Secret';
    if (reference.targetPath !== undefined && reference.targetPath !== '') {
      result = setAtPath(merge(result, inline), reference, text, namespaceOf(object));
      layers.push({ kind: 'file', source, isSecret, values: result });
      continue;
    }
    const values = readValues(reference, text, namespaceOf(object));
    result = merge(result, values);
    layers.push({ kind: 'file', source, isSecret, text, values });
  }
  layers.push({ kind: 'file', source: 'spec.values', values: inline });
  return { values: merge(result, inline), layers };
}

function keyOf({ valuesKey }: ValuesReference): string {
  return valuesKey === undefined || valuesKey === '' ? 'values.yaml' : valuesKey;
}

/** Undefined for an optional reference that is not there. */
async function readReference(
  reference: ValuesReference,
  namespace: string,
  client: Client,
): Promise<string | undefined> {
  const key = { namespace, name: reference.name };
  const member = keyOf(reference);
  const optional = (why: string): undefined => {
    if (reference.optional === true) return undefined;
    throw invalid(reference, namespace, why);
  };
  if (reference.kind === 'Secret') {
    const secret = await client.get(Secrets, key);
    if (secret === undefined) return optional(`secrets "${reference.name}" not found`);
    const data = secret.data?.[member];
    return data === undefined ? optional('key not found') : Buffer.from(data, 'base64').toString('utf8');
  }
  if (reference.kind === 'ConfigMap') {
    const map = await client.get(ConfigMaps, key);
    if (map === undefined) return optional(`configmaps "${reference.name}" not found`);
    return map.data?.[member] ?? optional('key not found');
  }
  throw invalid(reference, namespace, 'unsupported values reference kind');
}

function readValues(reference: ValuesReference, text: string, namespace: string): UnknownRecord {
  let parsed: unknown;
  try {
    parsed = fromYaml(text);
  } catch (error) {
    throw invalid(reference, namespace, messageOf(error), error);
  }
  if (parsed === null || parsed === undefined) return {};
  if (isRecord(parsed)) return parsed;
  throw invalid(reference, namespace, 'the text is no table of values');
}

/** One value at a path, as `--set` reads it; quotes or `literal` keep it a text. */
function setAtPath(
  values: UnknownRecord,
  { targetPath = '', ...reference }: ValuesReference,
  text: string,
  namespace: string,
): UnknownRecord {
  const under = { valueFiles: [{ name: 'values', text: JSON.stringify(values) }] };
  const isQuoted = /^'[\s\S]*'$|^"[\s\S]*"$|^['"]$/.test(text);
  try {
    if (reference.literal === true) {
      const escaped = text.replace(/[\\,[\]{}]/g, (char) => `\\${char}`);
      return valuesFromFlags({ ...under, setString: [`${targetPath}=${escaped}`] }).toJson();
    }
    if (isQuoted) {
      const bare = text.replace(/^['"]+|['"]+$/g, '');
      return valuesFromFlags({ ...under, setString: [`${targetPath}=${bare}`] }).toJson();
    }
    return valuesFromFlags({ ...under, set: [`${targetPath}=${text}`] }).toJson();
  } catch (error) {
    const why = messageOf(error).replace(/^failed parsing --set(?:-string)? data: /, '');
    throw invalid({ targetPath, ...reference }, namespace, why, error);
  }
}

/** `over` on top of `under`; tables are merged, everything else is replaced. */
export function merge(under: UnknownRecord, over: UnknownRecord): UnknownRecord {
  const merged: UnknownRecord = { ...under };
  for (const [key, value] of Object.entries(over)) {
    const below = merged[key];
    merged[key] = isRecord(value) && isRecord(below) ? merge(below, value) : value;
  }
  return merged;
}

function invalid(reference: ValuesReference, namespace: string, why: string, cause?: unknown): Error {
  const { kind, name, optional } = reference;
  const what = `could not resolve${optional === true ? ' optional' : ''} ${kind} chart values reference`;
  return releaseError('VALUES_INVALID', `${what} '${namespace}/${name}' with key '${keyOf(reference)}': ${why}`, {
    next: 'create the source, correct it, or mark it optional',
    ...(cause !== undefined && { cause }),
  });
}
