/** Request bodies: JSON, YAML and protobuf become objects; unknown members become warnings or refusals. */

import type { AnyObject } from '@towpath/api';
import { isRecord, messageOf, parseYaml, type UnknownRecord } from '@towpath/kit';
import { badRequest, cause, StatusError, type StatusCause } from '../http/status.ts';
import type { Resource } from '../resources/resource.ts';
import { normalise, type NormaliseReport } from '../schema/normalise.ts';
import type { Schema } from '../schema/schema.ts';
import { decodeProtobuf, isProtobuf } from '../schema/protobuf.ts';
import type { TypeTable } from '../schema/type-table.ts';
import { duplicateJsonFields, duplicateYamlSentences } from './duplicates.ts';

/** Largest request body, in bytes, as on a real server. */
export const maxBodyBytes = 3 * 1024 * 1024;

/** Bytes of a body that are shown in a refusal. */
const maxSummaryBytes = 80;

const acceptedTypes = 'application/json, application/yaml, application/vnd.kubernetes.protobuf';

/** Decodes a body into a record, without looking at its kind. */
export function decodeBody(
  body: string | Uint8Array | undefined,
  contentType: string | undefined,
  types: TypeTable,
  kind?: string,
): UnknownRecord {
  try {
    return decoded(body, contentType, types);
  } catch (error) {
    if (kind === undefined || !(error instanceof StatusError) || error.status.code !== 400) throw error;
    const what = `the object provided is unrecognized (must be of type ${kind})`;
    throw badRequest(`${what}: ${error.message} (${summaryOf(body)})`);
  }
}

/** The beginning of a body: JSON as it is, anything else as hexadecimal digits. */
function summaryOf(body: string | Uint8Array | undefined): string {
  if (body === undefined || body.length === 0) return '<empty>';
  const bytes = Buffer.from(body);
  const isShort = bytes.length <= maxSummaryBytes;
  const start = bytes.subarray(0, maxSummaryBytes);
  const text = start[0] === 0x7b ? start.toString('utf8') : start.toString('hex');
  return isShort ? text : `${text} ...`;
}

function decoded(
  body: string | Uint8Array | undefined,
  contentType: string | undefined,
  types: TypeTable,
): UnknownRecord {
  const mediaType = (contentType ?? 'application/json').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (body === undefined || body.length === 0)
    throw badRequest("couldn't get version/kind; json parse error: unexpected end of JSON input");
  if (body.length > maxBodyBytes) throw tooLarge();
  if (isProtobuf(mediaType)) {
    return decodeProtobuf(typeof body === 'string' ? Buffer.from(body, 'latin1') : body, types);
  }
  const text = typeof body === 'string' ? body : Buffer.from(body).toString('utf8');
  if (mediaType === 'application/yaml') return asRecord(parseYamlBody(text));
  if (mediaType === 'application/json' || mediaType === '') return asRecord(parseJsonBody(text));
  throw unsupportedMediaType(acceptedTypes);
}

export function tooLarge(): StatusError {
  const message = `Request entity too large: limit is ${maxBodyBytes}`;
  return new StatusError({ code: 413, reason: 'RequestEntityTooLarge', message });
}

function unsupportedMediaType(accepted: string): StatusError {
  const message = `the body of the request was in an unknown format - accepted media types include: ${accepted}`;
  return new StatusError({ code: 415, reason: 'UnsupportedMediaType', message });
}

/** Parses JSON. Throws a 400. */
export function parseJsonBody(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw badRequest(`couldn't get version/kind; json parse error: ${goJsonError(text, messageOf(error))}`);
  }
}

/** Parses YAML (JSON included). Throws a 400. */
export function parseYamlBody(text: string): unknown {
  const first = text.trimStart()[0];
  try {
    if (first === '{' || first === '[') return JSON.parse(text);
    return parseYaml(text, { file: 'the request body' });
  } catch (error) {
    throw badRequest(`error converting YAML to JSON: ${messageOf(error)}`);
  }
}

/** What Go says about JSON that ends too early; other sentences stay those of this runtime. */
export function goJsonError(text: string, message: string): string {
  const atEnd = /position (\d+)/.exec(message)?.[1];
  const isShort = message.includes('end of JSON') || (atEnd !== undefined && Number(atEnd) >= text.length);
  return isShort ? 'unexpected end of JSON input' : message;
}

function asRecord(value: unknown): UnknownRecord {
  if (isRecord(value)) return value;
  const found = Array.isArray(value) ? 'array' : typeof value;
  const tags = String.raw`struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" }`;
  const problem = `json: cannot unmarshal ${found} into Go value of type ${tags}`;
  throw badRequest(`couldn't get version/kind; json parse error: ${problem}`);
}

/** Throws unless the record says it is of the resource's kind and version, or says nothing of them. */
export function checkKind(
  record: UnknownRecord,
  expected: { apiVersion: string; kind: string },
  kinds?: { findKind(apiVersion: string, kind: string): unknown },
): void {
  // What a body does not say is what the path says.
  if ((record['kind'] ?? '') === '') record['kind'] = expected.kind;
  if ((record['apiVersion'] ?? '') === '') record['apiVersion'] = expected.apiVersion;
  const apiVersion = String(record['apiVersion']);
  const kind = String(record['kind']);
  if (apiVersion === expected.apiVersion && kind === expected.kind) return;
  const version = versionOf(apiVersion);
  const where = `${kind} in version "${version}" cannot be handled as a ${expected.kind}`;
  if (kinds?.findKind(apiVersion, kind) === undefined) {
    const scheme = 'in scheme "pkg/runtime/scheme.go:110"';
    throw badRequest(`${where}: no kind "${kind}" is registered for version "${apiVersion}" ${scheme}`);
  }
  const group = expected.apiVersion.includes('/') ? expected.apiVersion.replace(/[./].*$/, '') : 'core';
  const types = `(${version}.${kind}) to (${group}.${expected.kind})`;
  throw badRequest(`${where}: converting ${types}: unknown conversion`);
}

function versionOf(apiVersion: string): string {
  return apiVersion.slice(apiVersion.indexOf('/') + 1);
}

export type FieldValidation = 'Ignore' | 'Warn' | 'Strict';

/** The `fieldValidation` parameter, one of those `fieldValidationProblems` has nothing against. */
export function fieldValidationOf(query: URLSearchParams): FieldValidation {
  const value = query.get('fieldValidation') ?? '';
  if (value === '') return 'Warn';
  if (value === 'Ignore' || value === 'Warn' || value === 'Strict') return value;
  throw badRequest(`fieldValidation: unsupported value ${JSON.stringify(value)}`);
}

/** What is wrong with the `fieldValidation` parameter. */
export function fieldValidationProblems(query: URLSearchParams): StatusCause[] {
  const value = query.get('fieldValidation') ?? '';
  const known = ['', 'Ignore', 'Strict', 'Warn'];
  return known.includes(value) ? [] : [cause.notSupported('fieldValidation', value, known)];
}

/**
 * Brings a record into the canonical form of its resource and deals with unknown members: dropped, and with Warn
 * told in `warnings`, with Strict refused.
 */
export function canonicalise(
  record: UnknownRecord,
  resource: Pick<Resource, 'kind' | 'version' | 'schema' | 'custom'>,
  options: { validation: FieldValidation; warnings: string[]; duplicates?: readonly string[] },
): AnyObject {
  const report: NormaliseReport = { unknown: [] };
  let object: UnknownRecord;
  try {
    object = normalise(record, resource.schema, '', report) as UnknownRecord;
  } catch (error) {
    if (!(error instanceof StatusError) || error.status.code !== 400) throw error;
    const where = `${resource.kind} in version "${resource.version}" cannot be handled as a ${resource.kind}`;
    throw badRequest(`${where}: ${goFieldText(error.message, resource.schema)}`);
  }
  if (resource.custom !== undefined) report.unknown.push(...resource.custom.prune(object));
  const found = resource.custom === undefined ? inDocumentOrder(report.unknown, record) : report.unknown.toSorted();
  const unknown = found.map((path) => `unknown field "${path}"`);
  reportFindings([...unknown, ...(options.duplicates ?? [])], resource, options);
  return object as AnyObject;
}

/** Names a field as Go does: the innermost struct, then the path without positions and keys. */
function goFieldText(message: string, schema: Schema): string {
  return message.replace(/Go struct field (\S+)/, (_all, found: string) => {
    const path = found.replace(/\[[^\]]*\]/g, '');
    return `Go struct field ${ownerOf(schema, path.split('.'))}.${path}`;
  });
}

function ownerOf(schema: Schema, path: readonly string[]): string {
  let owner = '';
  let at: Schema | undefined = schema;
  for (const name of path) {
    while (at?.kind === 'list' || at?.kind === 'map') at = at.element;
    if (at?.kind !== 'struct') break;
    owner = at.typeName.split('.').at(-1) ?? owner;
    at = at.fields.get(name)?.schema;
  }
  return owner;
}

/** What a body says twice, in sentences; nothing where nobody wants to know. */
export function duplicatesIn(
  body: string | Uint8Array | undefined,
  contentType: string | undefined,
  validation: FieldValidation,
): readonly string[] {
  const mediaType = (contentType ?? 'application/json').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (validation === 'Ignore' || body === undefined || isProtobuf(mediaType)) return [];
  const text = typeof body === 'string' ? body : Buffer.from(body).toString('utf8');
  const isYaml = mediaType.endsWith('yaml');
  if (isYaml && text.trimStart()[0] !== '{') return duplicateYamlSentences(text);
  const fields = duplicateJsonFields(text);
  // JSON sent as YAML is read as YAML, which tells of it in its own words.
  if (isYaml && fields.length > 0) return duplicateYamlSentences(text);
  return fields.map((path) => `duplicate field "${path}"`);
}

/** Paths in the order in which the body has them. */
function inDocumentOrder(paths: readonly string[], body: unknown): readonly string[] {
  if (paths.length < 2) return paths;
  const position = (path: string): number[] => {
    let at: unknown = body;
    return path.split(/\.|\[/).map((part) => {
      const key = part.replace(/\]$/, '');
      const index = isRecord(at) ? Object.keys(at).indexOf(key) : Number(key);
      at = isRecord(at) ? at[key] : Array.isArray(at) ? at[index] : undefined;
      return index;
    });
  };
  const placed = paths.map((path) => ({ path, at: position(path) }));
  return placed.toSorted((left, right) => compareNumbers(left.at, right.at)).map(({ path }) => path);
}

function compareNumbers(left: readonly number[], right: readonly number[]): number {
  for (const [index, value] of left.entries()) {
    const difference = value - (right[index] ?? -1);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

function reportFindings(
  sentences: readonly string[],
  resource: Pick<Resource, 'kind' | 'version'>,
  options: { validation: FieldValidation; warnings: string[] },
): void {
  if (sentences.length === 0 || options.validation === 'Ignore') return;
  if (options.validation === 'Warn') {
    options.warnings.push(...sentences);
    return;
  }
  throw badRequest(
    `${resource.kind} in version "${resource.version}" cannot be handled as a ${resource.kind}: strict decoding error: ${sentences.join(', ')}`,
  );
}
