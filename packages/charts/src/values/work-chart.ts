/** A chart while a render works on it: dependencies are renamed, dropped and given values, the loaded chart stays as it is. */

import type { Chart, ChartDependency, ChartFile, ChartMetadata } from '../chart/types.ts';
import { fromPlain } from '../go/plain.ts';
import type { GoMap } from '../go/values.ts';
import type { ValuesChart } from './tables.ts';

/** Copies of one chart under several aliases share what Helm's copies share: see `copy`. */
export class WorkChart implements ValuesChart {
  readonly source: Chart;
  metadata: ChartMetadata;
  values: GoMap;
  parent: WorkChart | undefined = undefined;
  dependencies: WorkChart[];

  constructor(source: Chart) {
    this.source = source;
    this.metadata = { ...source.metadata };
    if (source.metadata.dependencies !== undefined) {
      this.metadata.dependencies = source.metadata.dependencies.map((dependency) => ({ ...dependency }));
    }
    const values = fromPlain(source.values);
    this.values = values instanceof Map ? values : new Map();
    this.dependencies = source.dependencies.map((dependency) => {
      const child = new WorkChart(dependency);
      child.parent = this;
      return child;
    });
  }

  get name(): string {
    return this.metadata.name;
  }

  get isRoot(): boolean {
    return this.parent === undefined;
  }

  /** Such as `parent/charts/child`. */
  get path(): string {
    return this.parent === undefined ? this.name : `${this.parent.path}/charts/${this.name}`;
  }

  get templates(): readonly ChartFile[] {
    return this.source.templates;
  }

  get declared(): ChartDependency[] | undefined {
    return this.metadata.dependencies;
  }

  /** A shallow copy with metadata of its own: dependency charts and requirements stay shared, as in Helm. */
  copy(name: string): WorkChart {
    const copy = Object.assign(Object.create(WorkChart.prototype) as WorkChart, this);
    copy.metadata = { ...this.metadata, name };
    return copy;
  }

  setDependencies(charts: readonly WorkChart[]): void {
    this.dependencies = [...charts];
    for (const chart of charts) chart.parent = this;
  }
}
