/** Which series of two vectors belong together. */

import { dropLabels, keepLabels, labelsKey, metricNameLabel, type Labels } from '../labels.ts';
import type { VectorMatching } from './ast.ts';
import type { Column } from './value.ts';

/** The metric's name, which takes no part in matching. */
export const nameLabel: ReadonlySet<string> = new Set([metricNameLabel]);

/** The part of the labels that has to be equal on both sides. */
export function signature(labels: Labels, matching: VectorMatching): Labels {
  if (matching.on) return keepLabels(labels, matching.labels);
  return dropLabels(dropLabels(labels, nameLabel), matching.labels);
}

/** Columns by signature. */
export function bySignature(columns: readonly Column[], matching: VectorMatching): Map<string, Column[]> {
  const groups = new Map<string, Column[]>();
  for (const column of columns) {
    const key = labelsKey(signature(column.labels, matching));
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [column]);
    else group.push(column);
  }
  return groups;
}
