/** A value that was printed as YAML: which line shows which path. */

import { parseFirstDocument, type YamlNode } from '../yaml/parser.ts';
import { TracedText, type Piece } from './pieces.ts';
import { isContainer, type Provenance, type Taint } from './provenance.ts';
import { ValuePath } from './value-path.ts';

/** The text of `toYaml value`, its lines with the paths they show. */
export function printedYaml(text: string, value: unknown, provenance: Provenance): TracedText {
  return new TracedText(text, () => {
    const byLine = linePaths(text, value, provenance);
    const pieces: Piece[] = [];
    let values: readonly ValuePath[] = [];
    let end = 0;
    text.split('\n').forEach((line, index) => {
      // The further lines of a block or a folded text belong to its first one.
      values = byLine.get(index) ?? values;
      end = Math.min(text.length, end + line.length + 1);
      pieces.push({ end, node: undefined, at: 0, link: undefined, values, around: [] });
    });
    return pieces;
  });
}

function linePaths(text: string, value: unknown, provenance: Provenance): Map<number, readonly ValuePath[]> {
  const byLine = new Map<number, readonly ValuePath[]>();
  const visit = (node: YamlNode, item: unknown): void => {
    if (node.kind === 'sequence' && Array.isArray(item)) {
      node.children.forEach((child, index) => {
        byLine.set(child.line, pathsOf(provenance.child(item, index, item[index])));
        visit(child, item[index]);
      });
    } else if (node.kind === 'mapping' && item instanceof Map) {
      for (let index = 0; index + 1 < node.children.length; index += 2) {
        const [key, child] = [node.children[index], node.children[index + 1]];
        if (key === undefined || child === undefined) continue;
        const inner: unknown = item.get(key.value);
        byLine.set(key.line, pathsOf(provenance.child(item, key.value, inner)));
        visit(child, inner);
      }
    }
  };
  try {
    const root = parseFirstDocument(text);
    if (root !== undefined && isContainer(value)) visit(root, value);
  } catch {
    // What was printed for a fixed width or with a number for a key may be no YAML that reads back: it has no lines.
  }
  return byLine;
}

/** The values of a taint, those of the texts in it included. */
export function pathsOf(taint: Taint): ValuePath[] {
  return taint.flatMap((part) => (part instanceof ValuePath ? [part] : [...part.values()]));
}
