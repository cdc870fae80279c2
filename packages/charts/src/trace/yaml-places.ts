/** Where keys stand in a YAML text. */

import { parseFirstDocument, type YamlNode } from '../yaml/parser.ts';
import type { PathKey } from './value-path.ts';

/** Lines and columns from 1. */
interface TextPlace {
  readonly line: number;
  readonly column: number;
}

/** A text that is parsed when the first place is asked for. */
export class YamlPlaces {
  private readonly text: string;
  private root: YamlNode | undefined;
  private isParsed = false;

  constructor(text: string) {
    this.text = text;
  }

  /** Of the key, or of the item of a list; undefined where the text has no such path. */
  find(keys: readonly PathKey[]): TextPlace | undefined {
    let node = this.document();
    let found = node;
    for (const key of keys) {
      const step = node === undefined ? undefined : stepInto(node, key);
      if (step === undefined) return undefined;
      ({ key: found, value: node } = step);
    }
    return found === undefined ? undefined : { line: found.line + 1, column: found.column + 1 };
  }

  private document(): YamlNode | undefined {
    if (this.isParsed) return this.root;
    this.isParsed = true;
    try {
      this.root = parseFirstDocument(this.text);
    } catch {
      // A text that is no YAML was refused where its values were read: here it has no places.
      this.root = undefined;
    }
    return this.root;
  }
}

interface Step {
  /** What is pointed at. */
  readonly key: YamlNode;
  readonly value: YamlNode;
}

function stepInto(node: YamlNode, key: PathKey): Step | undefined {
  if (node.kind === 'alias') return node.target === undefined ? undefined : stepInto(node.target, key);
  if (node.kind === 'sequence') {
    const item = node.children[Number(key)];
    return item === undefined ? undefined : { key: item, value: item };
  }
  if (node.kind !== 'mapping') return undefined;
  let merged: Step | undefined;
  // The last of several equal keys counts; a merged table only where there is none.
  for (let index = node.children.length - 2; index >= 0; index -= 2) {
    const [name, value] = [node.children[index], node.children[index + 1]];
    if (name === undefined || value === undefined) continue;
    if (name.value === String(key)) return { key: name, value };
    if (name.value !== '<<' || merged !== undefined) continue;
    const tables = value.kind === 'sequence' ? value.children : [value];
    for (const table of tables) merged ??= stepInto(table, key);
  }
  return merged;
}
