/** Chart.yaml, requirements.yaml and their locks as typed data. */

import { isRecord, messageOf, type UnknownRecord } from '@towpath/kit';
import { chartError } from '../errors.ts';
import { GoInt } from '../go/values.ts';
import { decodeYaml, formatFloat32 } from '../yaml/decode.ts';
import { toPlain } from '../go/plain.ts';
import type { ChartDependency, ChartLock, ChartMaintainer, ChartMetadata } from './types.ts';

/** Parses a file of a chart. Throws `CHART_INVALID` naming it. */
function parse(text: string, file: string): unknown {
  try {
    return decodeYaml(text, { keepIntegers: true });
  } catch (error) {
    throw chartError('CHART_INVALID', `cannot load ${file}: ${messageOf(error)}`, { cause: error });
  }
}

/** A scalar where a string is wanted: sigs.k8s.io/yaml writes numbers (as 32-bit floats) and booleans out. */
function stringOf(value: unknown): string | undefined {
  if (value === null || value === undefined) return undefined;
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return formatFloat32(value);
  if (value instanceof GoInt) return String(value.value);
  return typeof value === 'boolean' ? String(value) : undefined;
}

class Reader {
  readonly #map: ReadonlyMap<string, unknown>;
  readonly #file: string;

  constructor(value: unknown, file: string) {
    if (!(value instanceof Map) && value !== null && value !== undefined) {
      throw chartError('CHART_INVALID', `cannot load ${file}: it must be a mapping`);
    }
    this.#map = value instanceof Map ? (value as ReadonlyMap<string, unknown>) : new Map();
    this.#file = file;
  }

  text(name: string): string | undefined {
    const value = this.#map.get(name);
    const text = stringOf(value);
    if (text === undefined && value !== null && value !== undefined) throw this.#wrong(name, 'a string');
    return text;
  }

  flag(name: string): boolean | undefined {
    const value = this.#map.get(name);
    if (value === null || value === undefined) return undefined;
    if (typeof value !== 'boolean') throw this.#wrong(name, 'true or false');
    return value;
  }

  texts(name: string): string[] | undefined {
    return this.list(name)?.map((item) => stringOf(item) ?? '');
  }

  list(name: string): unknown[] | undefined {
    const value = this.#map.get(name);
    if (value === null || value === undefined) return undefined;
    if (!Array.isArray(value)) throw this.#wrong(name, 'a list');
    return value;
  }

  strings(name: string): Record<string, string> | undefined {
    const value = this.#map.get(name);
    if (value === null || value === undefined) return undefined;
    if (!(value instanceof Map)) throw this.#wrong(name, 'a mapping');
    return Object.fromEntries([...value].map(([key, item]) => [String(key), stringOf(item) ?? '']));
  }

  #wrong(name: string, wanted: string): Error {
    return chartError('CHART_INVALID', `cannot load ${this.#file}: ${name} must be ${wanted}`);
  }
}

/** Leaves out absent and empty members, as Go's `omitempty` does. */
function compact<Value extends object>(value: Value): Value {
  const kept = Object.entries(value).filter(([, item]) => {
    if (item === undefined || item === '' || item === false) return false;
    return !(Array.isArray(item) && item.length === 0) && !(isRecord(item) && Object.keys(item).length === 0);
  });
  return Object.fromEntries(kept) as Value;
}

/** Members in the order of Helm's struct. Throws `CHART_INVALID`. */
export function parseMetadata(text: string): ChartMetadata {
  const read = new Reader(parse(text, 'Chart.yaml'), 'Chart.yaml');
  const metadata = compact({
    name: read.text('name'),
    home: read.text('home'),
    sources: read.texts('sources'),
    version: read.text('version'),
    description: read.text('description'),
    keywords: read.texts('keywords'),
    maintainers: read.list('maintainers')?.map(maintainerOf),
    icon: read.text('icon'),
    apiVersion: read.text('apiVersion'),
    condition: read.text('condition'),
    tags: read.text('tags'),
    appVersion: read.text('appVersion'),
    deprecated: read.flag('deprecated'),
    annotations: read.strings('annotations'),
    kubeVersion: read.text('kubeVersion'),
    dependencies: read.list('dependencies')?.map((item) => dependencyOf(item, 'Chart.yaml')),
    type: read.text('type'),
  });
  return {
    ...metadata,
    name: metadata.name ?? '',
    version: metadata.version ?? '',
    apiVersion: metadata.apiVersion ?? '',
  } as ChartMetadata;
}

function maintainerOf(value: unknown): ChartMaintainer {
  const read = new Reader(value, 'Chart.yaml: maintainers');
  return compact({ name: read.text('name'), email: read.text('email'), url: read.text('url') }) as ChartMaintainer;
}

function dependencyOf(value: unknown, file: string): ChartDependency {
  if (value === null) throw chartError('CHART_INVALID', `${file}: dependencies must not contain empty or null nodes`);
  const read = new Reader(value, `${file}: dependencies`);
  const dependency = compact({
    name: read.text('name'),
    version: read.text('version'),
    repository: read.text('repository'),
    condition: read.text('condition'),
    tags: read.texts('tags'),
    enabled: read.flag('enabled'),
    'import-values': read.list('import-values')?.map((item) => toPlain(item)),
    alias: read.text('alias'),
  });
  return { ...dependency, name: dependency.name ?? '' } as ChartDependency;
}

/** The dependencies of a requirements.yaml. Throws `CHART_INVALID`. */
export function parseRequirements(text: string): ChartDependency[] {
  const read = new Reader(parse(text, 'requirements.yaml'), 'requirements.yaml');
  return read.list('dependencies')?.map((item) => dependencyOf(item, 'requirements.yaml')) ?? [];
}

export function parseLock(text: string, file: string): ChartLock {
  const read = new Reader(parse(text, file), file);
  return {
    generated: read.text('generated') ?? '',
    digest: read.text('digest') ?? '',
    dependencies: read.list('dependencies')?.map((item) => dependencyOf(item, file)) ?? [],
  };
}

/** values.yaml as JSON data. Throws `CHART_INVALID`. */
export function parseValues(text: string): UnknownRecord {
  const value = toPlain(safely(() => decodeYaml(text), 'values.yaml'));
  if (value === null) return {};
  if (!isRecord(value)) throw chartError('CHART_INVALID', 'cannot load values.yaml: it must be a mapping');
  return value;
}

function safely<Value>(read: () => Value, file: string): Value {
  try {
    return read();
  } catch (error) {
    throw chartError('CHART_INVALID', `cannot load ${file}: ${messageOf(error)}`, { cause: error });
  }
}
