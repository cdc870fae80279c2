/** Resolves `extends` and `!reference` in the raw data of .gitlab-ci.yml. */

import { isRecord } from '@towpath/kit';
import { pipelineError } from '../errors.ts';
import { isReference, referencePath, type CiDocument } from './document.ts';

/** Deeper chains are mistakes. Source: GitLab "extends" (11 levels) and "!reference" (10 levels). */
const maxDepth = 11;
/** Nodes after resolution: references may multiply. */
const maxNodes = 50_000;

/** The same data with every job's `extends` merged and every reference replaced. Throws `CI_INVALID`. */
export function resolveDocument(document: CiDocument): Record<string, unknown> {
  const budget = { nodes: 0 };
  const resolved: Record<string, unknown> = {};
  for (const key of Object.keys(document.value)) {
    const merged = extend(document, key, []);
    resolved[key] = dereference(document, merged, { path: [key], depth: 0, budget });
  }
  return resolved;
}

/** Maps are merged key by key, everything else is replaced. Source: GitLab "extends", merge details. */
function extend(document: CiDocument, key: string, chain: readonly string[]): unknown {
  const value = document.value[key];
  if (!isRecord(value) || value['extends'] === undefined) return value;
  if (chain.includes(key) || chain.length >= maxDepth) {
    const loop = [...chain, key].join(' → ');
    throw fail(
      document,
      [key, 'extends'],
      chain.includes(key) ? `extends runs in a circle: ${loop}` : `extends is too deep: ${loop}`,
    );
  }
  const names = Array.isArray(value['extends']) ? (value['extends'] as unknown[]) : [value['extends']];
  let base: Record<string, unknown> = {};
  for (const name of names) {
    const text = String(name);
    if (!Object.hasOwn(document.value, text))
      throw fail(document, [key, 'extends'], `extends names ${text}, which does not exist`);
    const parent = extend(document, text, [...chain, key]);
    if (!isRecord(parent)) throw fail(document, [key, 'extends'], `extends names ${text}, which is no job`);
    base = deepMerge(base, parent);
  }
  const { extends: _extends, ...own } = value;
  return deepMerge(base, own);
}

function deepMerge(base: Record<string, unknown>, over: Record<string, unknown>): Record<string, unknown> {
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const below = Object.hasOwn(merged, key) ? merged[key] : undefined;
    merged[key] = isRecord(below) && isRecord(value) && !isReference(value) ? deepMerge(below, value) : value;
  }
  return merged;
}

interface Spot {
  readonly path: readonly (string | number)[];
  readonly depth: number;
  readonly budget: { nodes: number };
}

function dereference(document: CiDocument, value: unknown, spot: Spot): unknown {
  if (++spot.budget.nodes > maxNodes) throw fail(document, spot.path, `the file grows to more than ${maxNodes} values`);
  if (isReference(value))
    return dereference(document, target(document, value, spot), { ...spot, depth: spot.depth + 1 });
  if (Array.isArray(value)) {
    return (value as unknown[]).flatMap((item, index) => {
      const inner = dereference(document, item, { ...spot, path: [...spot.path, index] });
      // A reference to a list inside a list becomes part of it.
      return isReference(item) && Array.isArray(inner) ? (inner as unknown[]) : [inner];
    });
  }
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      dereference(document, item, { ...spot, path: [...spot.path, key] }),
    ]),
  );
}

function target(document: CiDocument, value: Parameters<typeof referencePath>[0], spot: Spot): unknown {
  const path = referencePath(value);
  const text = `[${path.join(', ')}]`;
  if (spot.depth >= maxDepth)
    throw fail(document, spot.path, `!reference ${text} is nested more than ${maxDepth} deep`);
  const [first = '', ...rest] = path;
  let found: unknown = Object.hasOwn(document.value, first) ? extend(document, first, []) : undefined;
  for (const step of rest) found = isRecord(found) && Object.hasOwn(found, step) ? found[step] : undefined;
  if (found === undefined) throw fail(document, spot.path, `!reference ${text} names nothing`);
  return found;
}

function fail(document: CiDocument, path: readonly (string | number)[], message: string): Error {
  return pipelineError('CI_INVALID', `${document.where(path)}: ${message}`, {
    next: 'correct the file and push again',
  });
}
