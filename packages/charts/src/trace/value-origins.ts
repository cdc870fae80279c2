/** Who set a value: the sources of values in their order, and where a path stands in each. */

import { fromPlain } from '../go/plain.ts';
import type { GoMap } from '../go/values.ts';
import type { ValueLayer } from '../values/chart-values.ts';
import { tableAt } from '../values/tables.ts';
import type { WorkChart } from '../values/work-chart.ts';
import { YamlPlaces } from './yaml-places.ts';
import type { ValueOrigin } from './types.ts';
import { pathText, type PathKey } from './value-path.ts';

/** A source of values at its place in the root chart's values. */
interface Layer {
  readonly kind: ValueOrigin['kind'];
  readonly source: string;
  /** Where its tree hangs in the root's values. */
  readonly mount: readonly PathKey[];
  /** Where its tree hangs in the text. */
  readonly within: readonly PathKey[];
  readonly tree: () => GoMap;
  readonly places: YamlPlaces | undefined;
  readonly isSecret: boolean;
}

/** Answers who set the value at a path, the winner first. */
export interface OriginsOf {
  (keys: readonly PathKey[]): readonly ValueOrigin[];
  /** The winner is a secret. */
  isSecret(keys: readonly PathKey[]): boolean;
}

/** The question for one chart whose dependencies were processed, and for the values it was given. */
export function valueOrigins(chart: WorkChart, given: readonly ValueLayer[]): OriginsOf {
  // Most renders are never asked.
  const layers = lazily(() => [...given.map(givenLayer).toReversed(), ...chartLayers(chart, [])]);
  const known = new Map<string, readonly Found[]>();
  const find = (keys: readonly PathKey[]): readonly Found[] => {
    const path = pathText(keys);
    const found = known.get(path) ?? layers().flatMap((layer) => originIn(layer, keys) ?? []);
    known.set(path, found);
    return found;
  };
  return Object.assign((keys: readonly PathKey[]) => find(keys).map(({ origin }) => origin), {
    isSecret: (keys: readonly PathKey[]) => find(keys)[0]?.layer.isSecret === true,
  });
}

interface Found {
  readonly layer: Layer;
  readonly origin: ValueOrigin;
}

function givenLayer({ kind, source, text, values, isSecret = false }: ValueLayer): Layer {
  return {
    kind,
    source,
    isSecret,
    mount: [],
    within: [],
    tree: lazily(() => (typeof values === 'function' ? values() : treeOf(values))),
    places: text === undefined ? undefined : new YamlPlaces(text),
  };
}

function lazily<Value>(make: () => Value): () => Value {
  let made: { readonly value: Value } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

function treeOf(values: unknown): GoMap {
  const tree = fromPlain(values);
  return tree instanceof Map ? (tree as GoMap) : new Map();
}

/** A chart's own values, what it imports from its dependencies, then theirs. */
function chartLayers(chart: WorkChart, mount: readonly PathKey[]): Layer[] {
  const own = chartLayer(chart, { kind: 'chart', mount, within: [] });
  const below = chart.dependencies.flatMap((dependency) => chartLayers(dependency, [...mount, dependency.name]));
  return [own, ...importLayers(chart, mount), ...below];
}

interface ChartLayerPlace {
  readonly kind: 'chart' | 'import';
  readonly mount: readonly PathKey[];
  readonly within: readonly string[];
}

function chartLayer(chart: WorkChart, { kind, mount, within }: ChartLayerPlace): Layer {
  const { rawValues, values } = chart.source;
  return {
    kind,
    source: `${chart.path}/values.yaml`,
    mount,
    within,
    tree: lazily(() => {
      const tree = treeOf(values);
      return within.length === 0 ? tree : (tableAt(tree, within.join('.')) ?? new Map());
    }),
    places: rawValues === undefined ? undefined : new YamlPlaces(rawValues),
    isSecret: false,
  };
}

/** After the dependencies were processed an entry names a table of the dependency and one of the chart. */
function importLayers(chart: WorkChart, mount: readonly PathKey[]): Layer[] {
  return (chart.declared ?? []).flatMap((dependency) => {
    const from = chart.dependencies.find(({ name }) => name === dependency.name);
    if (from === undefined) return [];
    return (dependency['import-values'] ?? []).map((entry) => {
      const { child, parent } = entry as { readonly child: string; readonly parent: string };
      const below = parent === '.' ? [] : parent.split('.');
      return chartLayer(from, { kind: 'import', mount: [...mount, ...below], within: child.split('.') });
    });
  });
}

function originIn(layer: Layer, keys: readonly PathKey[]): Found | undefined {
  const { kind, source, mount, within, places } = layer;
  if (keys.length < mount.length || mount.some((key, index) => keys[index] !== key)) return undefined;
  const own = keys.slice(mount.length);
  const found = findIn(layer.tree(), own, kind === 'flag');
  if (found === undefined) return undefined;
  const at = places?.find([...within, ...own.slice(0, found.depth)]);
  const place = at === undefined ? undefined : { file: source, ...at };
  return { layer, origin: { kind, source, at: place, ...(found.isNull && { isNull: true }) } };
}

/** How far a path is there: to its end, to a null that ends it, or to a list that replaces another whole. */
function findIn(
  tree: GoMap,
  keys: readonly PathKey[],
  isFlag: boolean,
): { readonly depth: number; readonly isNull: boolean } | undefined {
  let current: unknown = tree;
  for (const [depth, key] of keys.entries()) {
    if (Array.isArray(current)) {
      const item: unknown = current[Number(key)];
      // A flag sets single items and leaves the others.
      if (isFlag && (item === undefined || item === null)) return undefined;
      if (item === undefined) return { depth, isNull: false };
      current = item;
    } else if (current instanceof Map) {
      if (!current.has(String(key))) return undefined;
      current = current.get(String(key));
      if (current === null) return { depth: depth + 1, isNull: true };
    } else {
      return undefined;
    }
  }
  return { depth: keys.length, isNull: false };
}
