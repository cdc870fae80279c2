/** Where nodes of templates stand, for people: lines and columns from 1. */

import { rootName } from '../template/templates.ts';
import type { Node, Source } from '../template/nodes.ts';
import type { Link } from './pieces.ts';
import { lastAtMost } from './sorted.ts';
import type { IncludeStep, Place } from './types.ts';

const lineStarts = new WeakMap<Source, readonly number[]>();

/** The offsets at which lines begin. */
export function startsOf(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}

/** The place of an offset in a template's text. */
export function placeAt(source: Source, offset: number): Place {
  let starts = lineStarts.get(source);
  if (starts === undefined) {
    starts = startsOf(source.text);
    lineStarts.set(source, starts);
  }
  const line = lastAtMost(starts, offset);
  return { file: source.name, line: line + 1, column: offset - (starts[line] ?? 0) + 1 };
}

/** Where a node is, or for one inside a `tpl` text where that was called. An action is where its braces open. */
export function placeOf(node: Node | undefined, link: Link | undefined, offset = 0): Place {
  let at = node;
  let caller = link;
  let within = offset;
  // The text of a tpl is a value: it has no file.
  while (at === undefined || at.source.name === rootName) {
    if (caller === undefined) return { file: rootName, line: 1, column: 1 };
    at = caller.node;
    caller = caller.parent;
    within = 0;
  }
  const open = at.type === 'text' ? at.at + within : Math.max(0, at.source.text.lastIndexOf('{{', at.at));
  return placeAt(at.source, open);
}

/** The include stack that led to a template, outermost first. */
export function stepsOf(link: Link | undefined): IncludeStep[] {
  const steps: IncludeStep[] = [];
  for (let at = link; at !== undefined; at = at.parent) steps.push({ name: at.name, at: placeOf(at.node, at.parent) });
  return steps.toReversed();
}
