/** In which line of a YAML text a field stands. */

import { parseDocument, isNode, LineCounter, isMap, isPair, isScalar } from 'yaml';

/** Answers with lines from 1; for a field that is not there, the line of the nearest table above it. */
export function lineFinder(text: string): (steps: readonly (string | number)[]) => number {
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter, uniqueKeys: false, logLevel: 'silent' });
  return (steps) => {
    for (let length = steps.length; length > 0; length -= 1) {
      const at = offsetOf(document, steps.slice(0, length));
      if (at !== undefined) return counter.linePos(at).line;
    }
    return 1;
  };
}

function offsetOf(document: ReturnType<typeof parseDocument>, steps: readonly (string | number)[]): number | undefined {
  const last = steps.at(-1);
  const parent: unknown = steps.length === 1 ? document.contents : document.getIn(steps.slice(0, -1), true);
  // The key's own line: a block text begins below it.
  if (isMap(parent)) {
    const pair = parent.items.find(({ key }) => isScalar(key) && key.value === last);
    return isPair(pair) && isNode(pair.key) ? pair.key.range?.[0] : undefined;
  }
  const node: unknown = document.getIn(steps, true);
  return isNode(node) ? node.range?.[0] : undefined;
}
