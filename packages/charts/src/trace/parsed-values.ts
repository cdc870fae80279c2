/** A text that was read as YAML: which of its lines, and so which values, each key came from. */

import { parseFirstDocument, type YamlNode } from '../yaml/parser.ts';
import { TracedLines } from './lines.ts';
import { splitText, TracedText } from './pieces.ts';
import { isContainer, type Provenance, type Taint } from './provenance.ts';
import type { PathKey, ValuePath } from './value-path.ts';

/** Gives what `fromYaml text` made the origins of the lines it was read from. */
export function rememberParsed(value: unknown, text: string, taint: Taint, provenance: Provenance): void {
  // Of a text that shows no values nothing needs to be remembered.
  if (!isContainer(value) || taint.length === 0) return;
  const root = readBack(text);
  if (root === undefined) return;
  const own = { node: undefined, at: 0, link: undefined, values: [], around: [] };
  const lines = new TracedLines(new TracedText(text, () => splitText(text, taint, own)));
  remember(value, root, { lines, provenance, lastLine: text.split('\n').length - 1 });
}

interface Parsed {
  readonly lines: TracedLines;
  readonly provenance: Provenance;
  /** Where the node ends at most, from 0. */
  readonly lastLine: number;
}

function readBack(text: string): YamlNode | undefined {
  try {
    return parseFirstDocument(text);
  } catch {
    // The function that read it has told so.
    return undefined;
  }
}

function remember(value: unknown, node: YamlNode, parsed: Parsed): void {
  const keys = new Map<PathKey, Taint>();
  const items = itemsOf(value, node);
  for (const [index, { key, start, child, item }] of items.entries()) {
    const next = items[index + 1]?.start;
    const lastLine = next === undefined ? parsed.lastLine : Math.max(start, next - 1);
    keys.set(key, valuesBetween(parsed.lines, start, lastLine));
    remember(item, child, { ...parsed, lastLine });
  }
  if (isContainer(value)) parsed.provenance.set(value, { path: undefined, keys, rest: [] });
}

interface ParsedItem {
  readonly key: PathKey;
  /** The line it begins at, from 0. */
  readonly start: number;
  readonly child: YamlNode;
  readonly item: unknown;
}

function itemsOf(value: unknown, node: YamlNode): ParsedItem[] {
  const { children } = node;
  if (Array.isArray(value) && node.kind === 'sequence') {
    return children.map((child, key) => ({ key, start: child.line, child, item: (value as unknown[])[key] }));
  }
  if (!(value instanceof Map) || node.kind !== 'mapping') return [];
  return children.flatMap((name, index) => {
    const child = children[index + 1];
    if (index % 2 !== 0 || child === undefined) return [];
    return [{ key: name.value, start: name.line, child, item: (value as Map<string, unknown>).get(name.value) }];
  });
}

function valuesBetween(lines: TracedLines, first: number, last: number): ValuePath[] {
  const values = new Set<ValuePath>();
  for (let line = first; line <= last; line += 1)
    for (const path of lines.line(line + 1)?.values ?? []) values.add(path);
  return [...values];
}
