/** Gives the values of a chart and of its dependencies their paths. */

import type { GoMap } from '../go/values.ts';
import { isContainer, type Provenance, type Taint } from './provenance.ts';
import type { PathKey, ValuePath } from './value-path.ts';

/** What is asked of a chart. */
interface ValuesTree {
  readonly name: string;
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
  addGlobals(chart, values, root);
  provenance.addTree(values, root);
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
