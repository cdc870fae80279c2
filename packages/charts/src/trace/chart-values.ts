/** Gives the values of a chart and of its dependencies their paths. */

import type { ChartMetadata } from '../chart/types.ts';
import type { GoMap } from '../go/values.ts';
import { isContainer, type Provenance, type Taint } from './provenance.ts';
import type { PathKey, ValuePath } from './value-path.ts';

/** What is asked of a chart. */
interface ValuesTree {
  readonly name: string;
  readonly source: { readonly metadata: ChartMetadata };
  readonly dependencies: readonly ValuesTree[];
}

/** All paths begin at the root chart's values; `global` is the root's in every dependency. */
export function addChartValues(provenance: Provenance, chart: ValuesTree, values: GoMap): void {
  const { root } = provenance;
  const global = values.get('global');
  const addGlobals = (below: ValuesTree, table: GoMap, path: ValuePath): void => {
    for (const dependency of below.dependencies) {
      const own = table.get(dependency.name);
      if (!(own instanceof Map)) continue;
      const ownPath = path.child(dependency.name);
      shareTable(provenance, own.get('global'), {
        of: global,
        path: root.child('global'),
        own: ownPath.child('global'),
      });
      addGlobals(dependency, own as GoMap, ownPath);
    }
  };
  // In the order of the values, which is that of unread ones, too.
  for (const key of values.keys()) root.child(key);
  addGlobals(chart, values, root);
  provenance.addTree(values, root);
  markSwitches(chart, root, root);
}

/** Conditions and tags are read before any template is. */
function markSwitches({ source, dependencies }: ValuesTree, path: ValuePath, root: ValuePath): void {
  for (const { condition = '', tags = [] } of source.metadata.dependencies ?? []) {
    for (const words of condition.split(',').map((one) => one.trim().split('.'))) {
      words.reduce((at, word) => at.child(word), path).isRead = true;
    }
    for (const tag of tags) root.child('tags').child(tag).isRead = true;
  }
  for (const dependency of dependencies) markSwitches(dependency, path.child(dependency.name), root);
}

/** A dependency's copy of the root's globals: what the root does not have is the dependency's own. */
function shareTable(
  provenance: Provenance,
  table: unknown,
  shared: { of: unknown; path: ValuePath; own: ValuePath },
): void {
  if (!(table instanceof Map) || provenance.of(table) !== undefined) return;
  const { of } = shared;
  const keys = new Map<PathKey, Taint>();
  for (const [key, item] of table as GoMap) {
    const own = shared.own.child(key);
    if (!(of instanceof Map) || !of.has(key)) {
      keys.set(key, [own]);
      provenance.addTree(item, own);
    } else if (isContainer(item)) {
      shareTable(provenance, item, { of: of.get(key), path: shared.path.child(key), own });
    }
  }
  provenance.set(table, { path: shared.path, keys, rest: [] });
}
