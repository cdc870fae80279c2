/** What Chart.yaml and values.yaml should hold. Source: helm 3 pkg/lint/rules, chartfile.go and values.go. */

import { messageOf } from '@towpath/kit';
import { parseMetadata } from '../chart/metadata.ts';
import type { ChartFiles, ChartMaintainer, ChartMetadata } from '../chart/types.ts';
import { LimitError } from '../errors.ts';
import { jsonKind } from '../go/json-decode.ts';
import { compareVersions, parseVersion } from '../go/semver.ts';
import { fromBytes } from '../go/utf8.ts';
import { typeName, type GoMap } from '../go/values.ts';
import { valuesSchema } from '../schema/values-schema.ts';
import { copyTable, mergeTables } from '../values/tables.ts';
import { decodeYaml } from '../yaml/decode.ts';
import { isEmail, isRequestUrl, isWebAddress } from './contacts.ts';
import type { Say } from './lint.ts';

const file = 'Chart.yaml';

/** False when it cannot be read at all. */
export function lintChartFile(files: ChartFiles, say: Say): void {
  const text = fromBytes(files.get(file) ?? new Uint8Array());
  let metadata: ChartMetadata;
  try {
    metadata = parseMetadata(text);
  } catch (error) {
    // The loader names the file before the reason.
    say('ERROR', file, `unable to parse YAML\n\t${messageOf(error).replace(`cannot load ${file}: `, '')}`);
    return;
  }
  const raw = rawMap(text);
  const problems = [
    nameProblem(metadata.name),
    apiVersionProblem(metadata.apiVersion),
    typeProblem(raw, 'version'),
    versionProblem(metadata.version),
    typeProblem(raw, 'appVersion'),
    maintainersProblem(metadata.maintainers ?? []),
    sourcesProblem(metadata.sources ?? []),
  ];
  for (const problem of problems) if (problem !== undefined) say('ERROR', file, problem);
  const { icon = '', type = '', dependencies = [], apiVersion } = metadata;
  if (icon === '') say('INFO', file, 'icon is recommended');
  else if (!isRequestUrl(icon)) say('ERROR', file, `invalid icon URL '${icon}'`);
  if (apiVersion === 'v2') return;
  const valid = `apiVersion '${apiVersion}'`;
  if (type !== '') say('ERROR', file, `chart type is not valid in ${valid}. It is valid in apiVersion 'v2'`);
  if (dependencies.length > 0) {
    say('ERROR', file, `dependencies are not valid in the Chart file with ${valid}. They are valid in apiVersion 'v2'`);
  }
}

function rawMap(text: string): ReadonlyMap<string, unknown> {
  const value = decodeYaml(text);
  return value instanceof Map ? (value as ReadonlyMap<string, unknown>) : new Map();
}

function nameProblem(name: string): string | undefined {
  if (name === '') return 'name is required';
  return name.includes('/') ? `chart name ${JSON.stringify(name)} is invalid` : undefined;
}

function apiVersionProblem(apiVersion: string): string | undefined {
  if (apiVersion === '') return 'apiVersion is required. The value must be either "v1" or "v2"';
  if (apiVersion === 'v1' || apiVersion === 'v2') return undefined;
  return `apiVersion '${apiVersion}' is not valid. The value must be either "v1" or "v2"`;
}

function typeProblem(raw: ReadonlyMap<string, unknown>, key: string): string | undefined {
  if (!raw.has(key)) return undefined;
  const type = typeName(raw.get(key));
  return type === 'string' ? undefined : `${key} should be of type string but it's of type ${type}`;
}

function versionProblem(version: string): string | undefined {
  if (version === '') return 'version is required';
  try {
    const isAboveZero = compareVersions(parseVersion(version), parseVersion('0.0.0-0')) > 0;
    return isAboveZero ? undefined : `version ${version} is less than or equal to 0.0.0-0`;
  } catch {
    return `version '${version}' is not a valid SemVer`;
  }
}

function maintainersProblem(maintainers: readonly ChartMaintainer[]): string | undefined {
  for (const { name = '', email = '', url = '' } of maintainers) {
    if (name === '') return 'each maintainer requires a name';
    if (email !== '' && !isEmail(email)) return `invalid email '${email}' for maintainer '${name}'`;
    if (url !== '' && !isWebAddress(url)) return `invalid url '${url}' for maintainer '${name}'`;
  }
  return undefined;
}

function sourcesProblem(sources: readonly string[]): string | undefined {
  const wrong = sources.find((source) => !isRequestUrl(source));
  return wrong === undefined ? undefined : `invalid source URL '${wrong}'`;
}

/** Only the chart's own values against its own schema: those of dependencies are looked at with the templates. */
export function lintValuesFile(files: ChartFiles, overrides: GoMap, say: Say): void {
  const valuesFile = 'values.yaml';
  const data = files.get(valuesFile);
  if (data === undefined) {
    say('INFO', valuesFile, 'file does not exist');
    return;
  }
  let values: unknown;
  try {
    values = decodeYaml(fromBytes(data)) ?? new Map<string, unknown>();
  } catch (error) {
    say('ERROR', valuesFile, `unable to parse YAML: error converting YAML to JSON: ${messageOf(error)}`);
    return;
  }
  if (!(values instanceof Map)) {
    const problem = `json: cannot unmarshal ${jsonKind(values)} into Go value of type chartutil.Values`;
    say('ERROR', valuesFile, `unable to parse YAML: error unmarshaling JSON: while decoding JSON: ${problem}`);
    return;
  }
  const schema = files.get('values.schema.json');
  if (schema === undefined || schema.length === 0) return;
  const options = { prefix: '', warn: (): void => {}, merge: false };
  const coalesced = mergeTables(mergeTables(new Map(), copyTable(overrides), options), values as GoMap, options);
  try {
    const problems = valuesSchema(fromBytes(schema))(coalesced)?.text;
    if (problems !== undefined) say('ERROR', valuesFile, problems);
  } catch (error) {
    if (!(error instanceof LimitError)) throw error;
    say('ERROR', valuesFile, error.message);
  }
}
