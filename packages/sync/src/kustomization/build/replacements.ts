/** Copies values between resources. Source: kustomize api/filters/replacement. */

import { getIn, isRecord, TowpathError, type UnknownRecord } from '@towpath/kit';
import { anyIds, sameNamespace, type Resource, type ResourceId } from './resource.ts';
import { matchesMetadata, selectResources, type Selector } from './select.ts';

interface ValueOptions {
  readonly delimiter?: string;
  readonly index?: number;
  readonly create?: boolean;
}

interface Target {
  readonly select?: Selector;
  readonly reject?: readonly Selector[];
  readonly fieldPaths?: readonly string[];
  readonly options?: ValueOptions;
}

/** One entry of `replacements`. */
export interface Replacement {
  readonly source?: Omit<Selector, 'labelSelector'> & { readonly fieldPath?: string; readonly options?: ValueOptions };
  readonly sourceValue?: string;
  readonly targets?: readonly Target[];
}

const defaultPath = 'metadata.name';

/** Changes the targets in place. Throws `KUSTOMIZE_INVALID`; `file` is named in it. */
export function applyReplacement(resources: readonly Resource[], replacement: Replacement, file: string): void {
  const { source, sourceValue, targets } = replacement;
  if (targets === undefined || (source === undefined) === (sourceValue === undefined)) {
    throw invalid(file, 'replacements must specify one source and at least one target');
  }
  const value = sourceValue ?? valueOf(resources, source ?? {}, file);
  for (const target of targets) {
    if (target.select === undefined) throw invalid(file, 'target must specify resources to select');
    const rejected = new Set((target.reject ?? []).flatMap((selector) => selectResources(resources, selector)));
    for (const resource of selectResources(resources, target.select)) {
      if (rejected.has(resource) || !matchesMetadata(resource, target.select)) continue;
      for (const path of target.fieldPaths ?? [defaultPath]) write(resource, value, { path, target, file });
    }
  }
}

function invalid(file: string, message: string): TowpathError {
  return new TowpathError('KUSTOMIZE_INVALID', `${file}: ${message}`);
}

function valueOf(resources: readonly Resource[], source: NonNullable<Replacement['source']>, file: string): unknown {
  const matches = resources.filter((resource) => anyIds(resource).some((id) => isNamed(id, source)));
  const [match] = matches;
  const text = JSON.stringify(source);
  if (match === undefined) throw invalid(file, `nothing selected by ${text}`);
  if (matches.length > 1) throw invalid(file, `multiple matches for selector ${text}`);
  const path = source.fieldPath ?? defaultPath;
  const [place] = placesOf(match.object as unknown as UnknownRecord, splitFieldPath(path), undefined);
  const value = place?.holder[place.key];
  if (value === undefined || value === null) {
    throw invalid(file, `fieldPath \`${path}\` is missing for replacement source ${text}`);
  }
  const { delimiter = '', index = 0 } = source.options ?? {};
  if (delimiter === '') return value;
  const part = String(value).split(delimiter)[index];
  if (part === undefined) throw invalid(file, `options.index ${index} is out of bounds for value ${String(value)}`);
  return part;
}

function isNamed(id: ResourceId, { group, version, kind, name, namespace }: Selector): boolean {
  const same = (wanted: string | undefined, value: string): boolean =>
    wanted === undefined || wanted === '' || wanted === value;
  if (!same(group, id.group) || !same(version, id.version) || !same(kind, id.kind) || !same(name, id.name))
    return false;
  return namespace === undefined || namespace === '' || sameNamespace(id, { ...id, namespace });
}

interface Write {
  readonly path: string;
  readonly target: Target;
  readonly file: string;
}

function write({ object }: Resource, value: unknown, { path, target, file }: Write): void {
  const { delimiter = '', index = 0, create = false } = target.options ?? {};
  const empty = !create ? undefined : isRecord(value) ? {} : Array.isArray(value) ? [] : '';
  const places = placesOf(object as unknown as UnknownRecord, splitFieldPath(path), empty);
  if (places.length === 0) {
    const what = create ? 'unable to find or create field' : 'unable to find field';
    throw invalid(file, `${what} "${path}" in replacement target ${object.kind}/${object.metadata.name}`);
  }
  for (const { holder, key } of places) {
    const old = holder[key];
    if (delimiter === '') {
      holder[key] = keepType(old, structuredClone(value));
      continue;
    }
    if (typeof old === 'object') throw invalid(file, 'delimiter option can only be used with scalar nodes');
    const parts = String(old).split(delimiter);
    if (index < 0) parts.unshift(String(value));
    else if (index >= parts.length) parts.push(String(value));
    else parts[index] = String(value);
    holder[key] = keepType(old, parts.join(delimiter));
  }
}

/** A field keeps being a text or a number: only the value moves. */
function keepType(old: unknown, value: unknown): unknown {
  if (typeof old === 'string' && (typeof value === 'number' || typeof value === 'boolean')) return String(value);
  if (typeof old === 'number' && typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value)) return Number(value);
  return value;
}

interface Place {
  readonly holder: Record<string | number, unknown>;
  readonly key: string | number;
}

/** Splits at dots; dots in `[…]` and escaped ones stay. */
function splitFieldPath(path: string): string[] {
  const parts: string[] = [];
  let part = '';
  let depth = 0;
  for (let at = 0; at < path.length; at++) {
    const sign = path[at] ?? '';
    if (sign === '\\' && path[at + 1] === '.') {
      part += '.';
      at++;
    } else if (sign === '.' && depth === 0) {
      parts.push(part);
      part = '';
    } else {
      if (sign === '[') depth++;
      if (sign === ']') depth--;
      part += sign;
    }
  }
  parts.push(part);
  return parts.map((one) => (/^\[[^=]*\]$/.test(one) ? one.slice(1, -1) : one));
}

/** Where a path leads: `name`, `0`, `-`, `*`, `[key=value]`. `empty` is what an absent last field is created as. */
function placesOf(root: UnknownRecord, path: readonly string[], empty: unknown): Place[] {
  let places: Place[] = [{ holder: { root }, key: 'root' }];
  path.forEach((step, index) => {
    const next = path[index + 1];
    const fresh = (): unknown => {
      if (next === undefined) return structuredClone(empty);
      return next === '-' || next.startsWith('[') || /^\d+$/.test(next) ? [] : {};
    };
    places = places.flatMap(({ holder, key }) => stepInto(holder[key], step, empty === undefined ? undefined : fresh));
  });
  return places;
}

function stepInto(value: unknown, step: string, fresh: (() => unknown) | undefined): Place[] {
  if (Array.isArray(value)) {
    const list = value as unknown as Record<number, unknown>;
    if (step === '*') return value.map((_item, key) => ({ holder: list, key }));
    if (step === '-' && fresh !== undefined) {
      value.push(fresh());
      return [{ holder: list, key: value.length - 1 }];
    }
    const match = /^\[(?:([^=]*)=)(.*)\]$/.exec(step);
    if (match !== null) return elementsWith(value, { key: match[1] ?? '', wanted: match[2] ?? '' }, fresh);
    return /^\d+$/.test(step) && Number(step) < value.length ? [{ holder: list, key: Number(step) }] : [];
  }
  if (!isRecord(value)) return [];
  if (step === '*') return Object.keys(value).map((key) => ({ holder: value, key }));
  if (value[step] === undefined || value[step] === null) {
    if (fresh === undefined) return value[step] === null ? [{ holder: value, key: step }] : [];
    value[step] = fresh();
  }
  return [{ holder: value, key: step }];
}

function elementsWith(
  list: unknown[],
  { key, wanted }: { key: string; wanted: string },
  fresh: (() => unknown) | undefined,
): Place[] {
  const text = wanted.replace(/^(["'])(.*)\1$/, '$2');
  const found = list.flatMap((item, index) => {
    const isIt = key === '' ? String(item) === text : String(getIn(item, [key]) ?? '') === text;
    return isIt ? [{ holder: list as unknown as Record<number, unknown>, key: index }] : [];
  });
  if (found.length > 0 || fresh === undefined) return found;
  list.push(key === '' ? text : { [key]: text });
  return [{ holder: list as unknown as Record<number, unknown>, key: list.length - 1 }];
}
