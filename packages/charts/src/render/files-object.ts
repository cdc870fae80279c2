/** `.Files`: the chart's files for templates. Source: helm pkg/engine/files.go. */

import { toBase64 } from '#platform';
import { RE2JS } from 're2js';
import type { ChartFile } from '../chart/types.ts';
import { basePath } from '../functions/paths.ts';
import { fromBytes } from '../go/utf8.ts';
import { GoBytes, stringList, TaggedMap, type GoMethod } from '../go/values.ts';
import { emitYaml } from '../yaml/emit.ts';

/** `map[string][]byte` with methods. */
export function filesObject(files: readonly ChartFile[]): TaggedMap {
  const map: TaggedMap = new TaggedMap(
    { type: 'engine.files', elem: '[]uint8', methods: methodsOf(() => map) },
    files.map(({ name, data }) => [name, new GoBytes(data)]),
  );
  return map;
}

function dataOf(files: TaggedMap, name: string): Uint8Array {
  const file = files.get(name);
  return file instanceof GoBytes ? file.data : new Uint8Array();
}

function methodsOf(self: () => TaggedMap): Readonly<Record<string, GoMethod>> {
  const method = (args: readonly string[], run: (...args: never[]) => unknown): GoMethod => ({ args, run });
  return {
    Get: method(['string'], (name: string) => fromBytes(dataOf(self(), name))),
    GetBytes: method(['string'], (name: string) => new GoBytes(dataOf(self(), name))),
    Glob: method(['string'], (pattern: string) => glob(self(), pattern)),
    Lines: method(['string'], (name: string) => lines(self(), name)),
    AsConfig: method([], () => asYaml(self(), (data) => fromBytes(data))),
    AsSecrets: method([], () => asYaml(self(), (data) => toBase64(data))),
  };
}

function lines(files: TaggedMap, name: string): unknown[] {
  if (!files.has(name)) return stringList([]);
  const text = fromBytes(dataOf(files, name));
  return stringList(text.replace(/\n$/, '').split('\n'));
}

/** Base names to contents; of two files with one base name the last wins. */
function asYaml(files: TaggedMap, textOf: (data: Uint8Array) => string): string {
  const entries = [...files.keys()].map((name): [string, string] => [basePath(name), textOf(dataOf(files, name))]);
  try {
    return emitYaml(new Map(entries)).replace(/\n$/, '');
  } catch {
    return '';
  }
}

function glob(files: TaggedMap, pattern: string): TaggedMap {
  const expression = compileGlob(pattern);
  const kept = [...files].filter(([name]) => expression === undefined || expression.matches(name));
  return filesObject(kept.flatMap(([name, file]) => (file instanceof GoBytes ? [{ name, data: file.data }] : [])));
}

/** A gobwas/glob pattern with `/` as separator; undefined for a wrong one, which matches everything. */
function compileGlob(pattern: string): RE2JS | undefined {
  const source = globSource(Array.from(pattern));
  return source === undefined ? undefined : RE2JS.compile(source, RE2JS.DOTALL);
}

function globSource(chars: readonly string[]): string | undefined {
  let source = '';
  let braces = 0;
  for (let at = 0; at < chars.length; at += 1) {
    const char = chars[at] ?? '';
    if (char === '*') {
      const isDouble = chars[at + 1] === '*';
      if (isDouble) at += 1;
      source += isDouble ? '.*' : '[^/]*';
    } else if (char === '?') source += '[^/]';
    else if (char === '{') {
      braces += 1;
      source += '(?:';
    } else if (char === '}' && braces > 0) {
      braces -= 1;
      source += ')';
    } else if (char === ',' && braces > 0) source += '|';
    else if (char === '[') {
      const close = chars.indexOf(']', at + 1);
      const set = close < 0 ? undefined : setSource(chars.slice(at + 1, close).join(''));
      if (set === undefined) return undefined;
      source += set;
      at = close;
    } else if (char === '\\') {
      at += 1;
      source += RE2JS.quote(chars[at] ?? '');
    } else source += RE2JS.quote(char);
  }
  return braces === 0 ? source : undefined;
}

/** `[abc]`, `[!abc]`, `[a-z]`. */
function setSource(body: string): string | undefined {
  const isNegated = body.startsWith('!');
  const inner = isNegated ? body.slice(1) : body;
  if (inner === '') return undefined;
  const range = /^(.)-(.)$/su.exec(inner);
  const escape = (text: string): string => text.replaceAll(/[\\\]^[-]/g, '\\$&');
  const set = range === null ? escape(inner) : `${escape(range[1] ?? '')}-${escape(range[2] ?? '')}`;
  return `[${isNegated ? '^' : ''}${set}]`;
}
