/** A chart in memory: the shapes that loading gives and rendering takes. */

import type { UnknownRecord } from '@towpath/kit';

/** The files of a chart folder by chart-relative path (`Chart.yaml`, `templates/x.yaml`, `charts/sub/…`), in reading order. */
export type ChartFiles = ReadonlyMap<string, Uint8Array>;

/** One file of a chart; `name` is its chart-relative path. */
export interface ChartFile {
  readonly name: string;
  readonly data: Uint8Array;
}

/** A dependency as Chart.yaml or requirements.yaml names it. */
export interface ChartDependency {
  name: string;
  version?: string;
  repository?: string;
  condition?: string;
  tags?: string[];
  enabled?: boolean;
  'import-values'?: unknown[];
  alias?: string;
}

/** One of Chart.yaml's maintainers. */
export interface ChartMaintainer {
  name?: string;
  email?: string;
  url?: string;
}

/** Chart.yaml. Absent members are left out, as Helm's JSON does. */
export interface ChartMetadata {
  name: string;
  home?: string;
  sources?: string[];
  version: string;
  description?: string;
  keywords?: string[];
  maintainers?: ChartMaintainer[];
  icon?: string;
  apiVersion: string;
  condition?: string;
  tags?: string;
  appVersion?: string;
  deprecated?: boolean;
  annotations?: Record<string, string>;
  kubeVersion?: string;
  dependencies?: ChartDependency[];
  type?: string;
}

/** Chart.lock or requirements.lock. */
export interface ChartLock {
  readonly generated: string;
  readonly digest: string;
  readonly dependencies: readonly ChartDependency[];
}

/** A loaded chart with its vendored dependencies. Never changed by rendering. */
export interface Chart {
  readonly metadata: ChartMetadata;
  /** The defaults of values.yaml as JSON data. */
  readonly values: UnknownRecord;
  /** The text of values.yaml, absent when the chart has none. */
  readonly rawValues?: string;
  readonly templates: readonly ChartFile[];
  /** Everything that is not a template, values, metadata or schema; `crds/` included. */
  readonly files: readonly ChartFile[];
  /** The files below crds/ with their text; then those of the dependencies. */
  readonly crds: readonly ChartCrd[];
  readonly dependencies: readonly Chart[];
  /** The bytes of values.schema.json. */
  readonly schema?: Uint8Array;
  readonly lock?: ChartLock;
  /** Every file as it was loaded, for repackaging. */
  readonly raw: readonly ChartFile[];
}

/** A file below crds/; it may hold several documents. */
export interface ChartCrd {
  /** The chart's path and the file's, e.g. `parent/charts/sub/crds/x.yaml`. */
  readonly filename: string;
  /** Chart-relative, `crds/x.yaml`. */
  readonly name: string;
  readonly text: string;
}
