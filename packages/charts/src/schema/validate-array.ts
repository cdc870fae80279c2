/** Checks of lists. */

import { addProblem, report, type Check } from './check.ts';
import { canonical } from './equality.ts';
import { shownCount } from './print.ts';
import type { Problem, Schema } from './types.ts';
import { boundsOf, checkCount } from './validate-scalar.ts';
import type { Steps } from './validate.ts';

export function checkArray(check: Check, list: readonly unknown[], steps: Steps): void {
  const { minItems, maxItems, uniqueItems } = check.schema.assertions;
  checkCount(check, list.length, ['minItems', 'maxItems'], boundsOf(minItems, maxItems));
  if (uniqueItems === true) checkUnique(check, list);
  checkItems(check, list, steps);
  const { contains } = check.schema.applicators;
  if (contains !== undefined) checkContains(check, list, contains, steps);
}

function checkUnique(check: Check, list: readonly unknown[]): void {
  const seen = new Map<string, number>();
  for (const [index, item] of list.entries()) {
    const key = canonical(item);
    const first = seen.get(key);
    if (first !== undefined) {
      report(check, () => `items at ${shownCount(first)} and ${shownCount(index)} are equal`);
      return;
    }
    seen.set(key, index);
  }
}

/** Items after the first ones are named from 0 again, as Helm's validator does. */
function checkItems(check: Check, list: readonly unknown[], steps: Steps): void {
  const { items, prefixItems = [], additionalItems } = check.schema.applicators;
  const first = list.slice(0, prefixItems.length);
  const rest = list.slice(prefixItems.length);
  for (const [index, item] of first.entries()) {
    const schema = prefixItems[index];
    if (schema !== undefined) addProblem(check, steps.checkChild(check, schema, item, String(index)));
  }
  if (additionalItems === false && rest.length > 0) {
    report(check, () => `last ${shownCount(rest.length)} additionalItem(s) not allowed`);
  }
  const others = typeof additionalItems === 'object' ? additionalItems : items;
  if (others === undefined) return;
  for (const [index, item] of rest.entries()) addProblem(check, steps.checkChild(check, others, item, String(index)));
}

function checkContains(check: Check, list: readonly unknown[], schema: Schema, steps: Steps): void {
  const { minContains, maxContains } = check.schema.assertions;
  const failed: Problem[] = [];
  const matched: number[] = [];
  for (const [index, item] of list.entries()) {
    const problem = steps.checkChild(check, schema, item, String(index));
    if (problem !== undefined) {
      failed.push(problem);
      continue;
    }
    matched.push(index);
    if (check.schema.draft >= 2020) check.unevaluated.items.delete(index);
  }
  const shown = `matched ${shownCount(matched.length)} items at ${matched.join(' ')}`;
  if (minContains === undefined) {
    if (matched.length === 0) report(check, () => 'no items match contains schema', failed);
  } else if (matched.length < minContains) {
    const got = matched.length === 0 ? 'none matched' : shown;
    report(check, () => `min ${shownCount(minContains)} items required to match contains schema, but ${got}`, failed);
  }
  if (maxContains !== undefined && matched.length > maxContains) {
    report(check, () => `max ${shownCount(maxContains)} items required to match contains schema, but ${shown}`);
  }
}
