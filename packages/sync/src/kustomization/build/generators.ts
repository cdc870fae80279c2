/** ConfigMaps and Secrets made from files and literals, and the hash of their content. */

import { createHash } from 'node:crypto';
import type { AnyObject } from '@towpath/api';
import { isRecord, TowpathError, type UnknownRecord } from '@towpath/kit';
import { makeResource, type Resource } from './resource.ts';

export interface GeneratorOptions {
  readonly labels?: Record<string, string>;
  readonly annotations?: Record<string, string>;
  readonly disableNameSuffixHash?: boolean;
  readonly immutable?: boolean;
}

export interface GeneratorArguments {
  readonly name?: string;
  readonly namespace?: string;
  readonly behavior?: string;
  readonly type?: string;
  readonly literals?: readonly string[];
  readonly files?: readonly string[];
  readonly envs?: readonly string[];
  readonly env?: string;
  readonly options?: GeneratorOptions;
}

export interface GenerateOptions {
  readonly kind: 'ConfigMap' | 'Secret';
  readonly args: GeneratorArguments;
  readonly defaults: GeneratorOptions | undefined;
  readonly file: string;
  /** A file relative to the kustomization's folder. Throws `KUSTOMIZE_INVALID` when absent. */
  readonly read: (path: string) => Uint8Array;
}

/** Throws `KUSTOMIZE_INVALID`. */
export function generate(options: GenerateOptions): Resource {
  const { kind, args, file, defaults } = options;
  const { name, namespace } = args;
  // Whatever kustomize does not know is `create`.
  const behavior = args.behavior === 'merge' || args.behavior === 'replace' ? args.behavior : 'create';
  if (name === undefined || name === '') throw invalid(`${file}: a ${kind} of a generator has no name`);
  const labels = { ...defaults?.labels, ...args.options?.labels };
  const annotations = { ...defaults?.annotations, ...args.options?.annotations };
  const isImmutable = defaults?.immutable === true || args.options?.immutable === true;
  const noHash = defaults?.disableNameSuffixHash === true || args.options?.disableNameSuffixHash === true;
  const metadata = {
    name,
    ...(namespace !== undefined && namespace !== '' && { namespace }),
    ...(Object.keys(labels).length > 0 && { labels }),
    ...(Object.keys(annotations).length > 0 && { annotations }),
  };
  const type = kind === 'Secret' ? { type: args.type ?? 'Opaque' } : {};
  const data = dataOf(kind, pairsOf(options));
  const immutable = isImmutable ? { immutable: true } : {};
  const object = { apiVersion: 'v1', kind, metadata, ...type, ...data, ...immutable } as AnyObject;
  return { ...makeResource(object, file), needsHash: !noHash, behavior };
}

function invalid(message: string): TowpathError {
  return new TowpathError('KUSTOMIZE_INVALID', message);
}

function pairsOf({ args, file, read }: GenerateOptions): ReadonlyMap<string, Uint8Array> {
  const encoder = new TextEncoder();
  const pairs = new Map<string, Uint8Array>();
  const add = (key: string, value: Uint8Array): void => {
    if (!/^[-._a-zA-Z0-9]+$/.test(key)) throw invalid(`${file}: "${key}" is not a valid key name for a ConfigMap`);
    if (pairs.has(key)) throw invalid(`${file}: configmap ${args.name ?? ''} illegally repeats the key \`${key}\``);
    pairs.set(key, value);
  };
  for (const path of [...(args.envs ?? []), ...(args.env === undefined ? [] : [args.env])]) {
    const lines = new TextDecoder().decode(read(path)).split(/\r?\n/);
    for (const line of lines.map((text) => text.trimStart())) {
      if (line === '' || line.startsWith('#')) continue;
      const [key, value] = cut(line);
      add(key, encoder.encode(value ?? ''));
    }
  }
  for (const literal of args.literals ?? []) {
    const [key, value] = cut(literal);
    if (key === '' || value === undefined)
      throw invalid(`${file}: invalid literal source ${literal}, expected key=value`);
    const isQuoted = value.length >= 2 && /^(["'])[^]*\1$/.test(value);
    add(key, encoder.encode(isQuoted ? value.slice(1, -1) : value));
  }
  for (const source of args.files ?? []) {
    const [key, path] = cut(source);
    if (path === undefined) add(source.split('/').pop() ?? source, read(source));
    else if (key === '' || path === '' || path.includes('=')) throw invalid(`${file}: invalid file source ${source}`);
    else add(key, read(path));
  }
  return pairs;
}

function cut(text: string): [key: string, value: string | undefined] {
  const at = text.indexOf('=');
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

function dataOf(kind: string, pairs: ReadonlyMap<string, Uint8Array>): UnknownRecord {
  const data: UnknownRecord = {};
  const binaryData: UnknownRecord = {};
  for (const [key, bytes] of [...pairs].toSorted(([left], [right]) => (left < right ? -1 : 1))) {
    const text = kind === 'Secret' ? undefined : textOf(bytes);
    if (text !== undefined) data[key] = text;
    else (kind === 'Secret' ? data : binaryData)[key] = base64(bytes);
  }
  return {
    ...((Object.keys(data).length > 0 || kind === 'Secret') && { data }),
    ...(Object.keys(binaryData).length > 0 && { binaryData }),
  };
}

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    // Not UTF-8: it goes to binaryData.
    return undefined;
  }
}

const base64LineLength = 70;

/** In lines of 70 characters from the first full line on, each with its newline. */
function base64(bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString('base64');
  if (text.length < base64LineLength) return text;
  return text.replaceAll(/.{1,70}/g, (line) => `${line}\n`);
}

/** Ten letters of the sha256 of what the content is, without vowels. Source: kustomize api/hasher. */
export function contentHash(object: AnyObject): string {
  const { kind } = object;
  const data = object['data'] ?? '';
  const extra = kind === 'Secret' ? 'stringData' : 'binaryData';
  // kustomize looks for the name at a path that does not exist, so it is empty in every hash.
  const parts: UnknownRecord = { kind, name: '', data };
  if (kind === 'Secret') parts['type'] = object['type'] ?? '';
  if (isRecord(object[extra])) parts[extra] = object[extra];
  const hex = createHash('sha256').update(goJson(parts)).digest('hex').slice(0, 10);
  const letters: Readonly<Record<string, string>> = { 0: 'g', 1: 'h', 3: 'k', a: 'm', e: 't' };
  return hex.replaceAll(/[013ae]/g, (digit) => letters[digit] ?? digit);
}

/** JSON as Go writes it: keys sorted, characters of HTML escaped. */
function goJson(value: unknown): string {
  if (isRecord(value)) {
    const keys = Object.keys(value).toSorted((left, right) => Buffer.compare(Buffer.from(left), Buffer.from(right)));
    return `{${keys.map((key) => `${goJson(key)}:${goJson(value[key])}`).join(',')}}`;
  }
  return JSON.stringify(value).replaceAll(/[<>&\u2028\u2029\u007f]/g, (sign) => {
    if (sign === '\u007f') return sign;
    return `\\u${(sign.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`;
  });
}
