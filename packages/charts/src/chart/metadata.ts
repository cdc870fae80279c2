/** Chart.yaml, requirements.yaml and their locks. Source: helm pkg/chart/metadata.go, dependency.go. */

import { isRecord, messageOf, type UnknownRecord } from '@towpath/kit';
import { chartError } from '../errors.ts';
import { jsonKind } from '../go/json-decode.ts';
import { quote } from '../go/strconv.ts';
import { parseVersion } from '../go/semver.ts';
import { parseTime } from '../go/time-parse.ts';
import { isPrintable, isSpace } from '../go/unicode.ts';
import { toPlain } from '../go/plain.ts';
import { basePath } from '../functions/paths.ts';
import { decodeYaml } from '../yaml/decode.ts';
import { yamlErrorLine } from '../yaml/error-line.ts';
import { TypedMapping, TypeMismatch } from './typed.ts';
import type { ChartDependency, ChartLock, ChartMaintainer, ChartMetadata } from './types.ts';

/** Decodes a metadata file. Throws `CHART_INVALID` with Helm's sentence. */
function decode(file: string, text: string, goType: string): TypedMapping {
  try {
    return new TypedMapping(decodeYaml(text, { keepIntegers: true }), goType);
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    const head =
      error instanceof TypeMismatch
        ? 'error unmarshaling JSON: while decoding JSON: '
        : 'error converting YAML to JSON: ';
    throw chartError('CHART_INVALID', `cannot load ${file}: ${head}${problem}`, {
      next: `correct ${file}`,
      cause: error,
    });
  }
}

function guarded<Result>(file: string, read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof TypeMismatch)) throw error;
    const message = `cannot load ${file}: error unmarshaling JSON: while decoding JSON: ${error.message}`;
    throw chartError('CHART_INVALID', message, { next: `correct ${file}`, cause: error });
  }
}

/** Chart.yaml as it is written; a requirements.yaml adds to the `base` that Chart.yaml gave. Throws `CHART_INVALID`. */
export function parseMetadata(text: string, file = 'Chart.yaml', base?: ChartMetadata): ChartMetadata {
  const yaml = decode(file, text, 'chart.Metadata');
  return guarded(file, () => ({ ...base, ...metadataOf(yaml, base) }));
}

function metadataOf(yaml: TypedMapping, base: ChartMetadata | undefined): ChartMetadata {
  const text = <Name extends string>(name: Name): Partial<Record<Name, string>> => {
    const value = yaml.text(name);
    return value === '' ? {} : ({ [name]: value } as Partial<Record<Name, string>>);
  };
  const optional = <Name extends string, Value>(name: Name, value: Value | undefined): Partial<Record<Name, Value>> =>
    value === undefined ? {} : ({ [name]: value } as Partial<Record<Name, Value>>);
  return {
    ...text('home'),
    ...optional('sources', yaml.texts('sources')),
    ...text('description'),
    ...optional('keywords', yaml.texts('keywords')),
    ...optional('maintainers', yaml.list('maintainers', '[]*chart.Maintainer', maintainerOf)),
    ...text('icon'),
    ...text('condition'),
    ...text('tags'),
    ...text('appVersion'),
    ...(yaml.flag('deprecated') ? { deprecated: true } : {}),
    ...optional('annotations', yaml.textMap('annotations')),
    ...text('kubeVersion'),
    ...optional('dependencies', yaml.list('dependencies', '[]*chart.Dependency', dependencyOf)),
    ...text('type'),
    name: yaml.text('name') || (base?.name ?? ''),
    version: yaml.text('version') || (base?.version ?? ''),
    apiVersion: yaml.text('apiVersion') || (base?.apiVersion ?? ''),
  };
}

function maintainerOf(value: unknown): ChartMaintainer {
  if (value === null) {
    throw chartError('CHART_INVALID', 'validation: maintainers must not contain empty or null nodes', {
      next: 'remove the empty maintainer from Chart.yaml',
    });
  }
  const yaml = new TypedMapping(
    value,
    'chart.Maintainer',
    'struct field Metadata.maintainers of type chart.Maintainer',
    'maintainers.',
  );
  const maintainer: ChartMaintainer = {};
  for (const name of ['name', 'email', 'url'] as const)
    if (yaml.has(name)) maintainer[name] = sanitize(yaml.text(name));
  return maintainer;
}

function dependencyOf(value: unknown): ChartDependency {
  if (value === null) {
    throw chartError('CHART_INVALID', 'validation: dependencies must not contain empty or null nodes', {
      next: 'remove the empty dependency from Chart.yaml',
    });
  }
  const yaml = new TypedMapping(
    value,
    'chart.Dependency',
    'struct field Metadata.dependencies of type chart.Dependency',
    'dependencies.',
  );
  const dependency: ChartDependency = { name: yaml.text('name') };
  for (const name of ['version', 'condition', 'alias'] as const) {
    if (yaml.text(name) !== '') dependency[name] = yaml.text(name);
  }
  dependency.repository = yaml.text('repository');
  const tags = yaml.texts('tags');
  if (tags !== undefined) dependency.tags = tags;
  if (yaml.flag('enabled')) dependency.enabled = true;
  const imports = yaml.list('import-values', '[]interface {}', toPlain);
  if (imports !== undefined) dependency['import-values'] = imports;
  return dependency;
}

/** Chart.lock or requirements.lock. */
export function parseLock(text: string, file: string): ChartLock {
  const yaml = decode(file, text, 'chart.Lock');
  return guarded(file, () => ({
    generated: timeText(yaml.text('generated')),
    digest: yaml.text('digest'),
    dependencies: yaml.list('dependencies', '[]*chart.Dependency', dependencyOf) ?? [],
  }));
}

/** RFC 3339, as it was written. */
function timeText(text: string): string {
  try {
    if (text !== '') parseTime('2006-01-02T15:04:05Z07:00', text);
    return text;
  } catch (error) {
    throw new TypeMismatch(text, '', '', messageOf(error));
  }
}

/** White space becomes a space, what cannot be printed is dropped. */
function sanitize(text: string): string {
  return Array.from(text, (char) => {
    const code = char.codePointAt(0) ?? 0;
    if (isSpace(code)) return ' ';
    return isPrintable(code) ? char : '';
  }).join('');
}

const aliasPattern = /^[a-zA-Z0-9_-]+$/;

function refuse(message: string, next: string): never {
  throw chartError('CHART_INVALID', `validation: ${message}`, { next });
}

function isVersion(text: string): boolean {
  try {
    parseVersion(text);
    return true;
  } catch {
    return false;
  }
}

/** Cleans the texts and checks what Helm requires. Throws `CHART_INVALID`. */
export function validateMetadata(metadata: ChartMetadata): ChartMetadata {
  const clean: ChartMetadata = { ...metadata, name: sanitize(metadata.name) };
  for (const name of ['description', 'home', 'icon', 'condition', 'tags', 'appVersion', 'kubeVersion'] as const) {
    const value = metadata[name];
    if (value !== undefined) clean[name] = sanitize(value);
  }
  if (metadata.sources !== undefined) clean.sources = metadata.sources.map(sanitize);
  if (metadata.keywords !== undefined) clean.keywords = metadata.keywords.map(sanitize);
  const add = 'add it to Chart.yaml';
  if (clean.apiVersion === '') refuse('chart.metadata.apiVersion is required', add);
  if (clean.name === '') refuse('chart.metadata.name is required', add);
  // Helm lets the last two through; as names of folders they would lead out of the chart.
  if (clean.name !== basePath(clean.name) || clean.name === '.' || clean.name === '..') {
    refuse(`chart.metadata.name ${quote(clean.name)} is invalid`, 'use a name without slashes');
  }
  if (clean.version === '') refuse('chart.metadata.version is required', add);
  if (!isVersion(clean.version)) {
    refuse(`chart.metadata.version ${quote(clean.version)} is invalid`, 'use a semantic version such as 1.2.3');
  }
  if (!['', 'application', 'library'].includes(clean.type ?? '')) {
    refuse('chart.metadata.type must be application or library', 'correct the type in Chart.yaml');
  }
  if (clean.dependencies !== undefined) clean.dependencies = validateDependencies(clean.dependencies);
  return clean;
}

function validateDependencies(dependencies: readonly ChartDependency[]): ChartDependency[] {
  const names = new Set<string>();
  return dependencies.map((dependency) => {
    const clean: ChartDependency = { ...dependency, name: sanitize(dependency.name) };
    for (const name of ['version', 'repository', 'condition'] as const) {
      const value = dependency[name];
      if (value !== undefined) clean[name] = sanitize(value);
    }
    if (dependency.tags !== undefined) clean.tags = dependency.tags.map(sanitize);
    const { alias = '' } = dependency;
    if (alias !== '' && !aliasPattern.test(alias)) {
      refuse(
        `dependency ${quote(clean.name)} has disallowed characters in the alias`,
        'use letters, digits, hyphens and underscores',
      );
    }
    const key = alias === '' ? clean.name : alias;
    if (names.has(key))
      refuse(`more than one dependency with name or alias ${quote(key)}`, 'give one of them an alias');
    names.add(key);
    return clean;
  });
}

/** values.yaml as JSON data. Throws `CHART_INVALID`. */
export function parseValues(text: string): UnknownRecord {
  const file = 'values.yaml';
  const fail = (problem: string, cause?: unknown): Error =>
    chartError('CHART_INVALID', `cannot load ${file}: ${problem}`, {
      next: `correct ${file}`,
      details: { at: { file, line: yamlErrorLine(cause, text), column: 1 }, problem },
      cause,
    });
  let value: unknown;
  try {
    value = decodeYaml(text);
  } catch (error) {
    throw fail(`error converting YAML to JSON: ${messageOf(error)}`, error);
  }
  const plain = toPlain(value);
  if (plain === null) return {};
  if (isRecord(plain)) return plain;
  const wanted = 'Go value of type map[string]interface {}';
  throw fail(`error unmarshaling JSON: while decoding JSON: json: cannot unmarshal ${jsonKind(value)} into ${wanted}`);
}
