/** What a render takes and gives. */

import type { Random, Time, UnknownRecord } from '@towpath/kit';
import type { Chart, ChartCrd } from '../chart/types.ts';
import type { RenderLimits } from '../limits.ts';
import type { RenderTrace } from '../trace/types.ts';
import type { ChartValues, ValueLayer } from '../values/chart-values.ts';

/** `.Release` in templates. */
export interface RenderRelease {
  readonly name: string;
  readonly namespace: string;
  readonly revision: number;
  readonly isInstall: boolean;
  readonly isUpgrade: boolean;
  /** `Helm` when left out. */
  readonly service?: string;
}

/** `.Capabilities` in templates. */
export interface Capabilities {
  /** Such as `v1.34.0`. */
  readonly kubeVersion: string;
  /** Group versions and kinds such as `apps/v1` and `apps/v1/Deployment`. */
  readonly apiVersions: readonly string[];
  /** `v3.19.0` when left out. */
  readonly helmVersion?: string;
}

/**
 * Answers `lookup`: the object, a list when `name` is '', or undefined where nothing is found. What it throws with the code
 * `LOOKUP_MISSING` ends the render and is no failure of the chart.
 */
export type Lookup = (request: LookupRequest) => UnknownRecord | undefined;

/** What a chart looks up; `namespace` is '' for objects of the cluster, `name` '' for all. */
export interface LookupRequest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

export interface RenderOptions {
  readonly chart: Chart;
  /** The user's values: of {@link valuesFromFlags}, or JSON data. */
  readonly values: ChartValues | UnknownRecord;
  readonly release: RenderRelease;
  /** Kubernetes 1.34 with its built-in API versions when left out. */
  readonly capabilities?: Capabilities;
  /** Nothing is found when left out, as offline. */
  readonly lookup?: Lookup;
  /** The addresses of a host, for `getHostByName`; it gives '' when left out, as without `--enable-dns`. */
  readonly resolveHost?: (host: string) => readonly string[];
  /** For `now` and the dates of certificates. */
  readonly clock: Time;
  readonly random: Random;
  readonly limits?: Partial<RenderLimits>;
  /** `required` and `fail` only warn, as `helm lint` does it. */
  readonly lint?: boolean;
  /** Missing map keys are errors. */
  readonly strict?: boolean;
  /** Notes of subcharts are added to the root's. */
  readonly subchartNotes?: boolean;
  /** values.schema.json is not applied. */
  readonly skipSchemaValidation?: boolean;
  /** What `values` was made of, where it is JSON data; later ones over earlier ones. */
  readonly valueLayers?: readonly ValueLayer[];
  /** The result says where each line came from; takes about twice the time. A render at its limits comes without. */
  readonly trace?: boolean;
}

/** One rendered object that is no hook. */
export interface RenderedManifest {
  /** The template, such as `chart/templates/x.yaml`. */
  readonly path: string;
  /** Where it begins in the text of `files` at that path, from 1. */
  readonly line: number;
  readonly text: string;
  readonly kind: string;
  readonly apiVersion: string;
  readonly name: string;
}

/** When a hook runs: the words of `helm.sh/hook`. */
export type HookEvent =
  | 'pre-install'
  | 'post-install'
  | 'pre-delete'
  | 'post-delete'
  | 'pre-upgrade'
  | 'post-upgrade'
  | 'pre-rollback'
  | 'post-rollback'
  | 'test';

/** When a hook's object or log is removed: the words of `helm.sh/hook-delete-policy`. */
export type HookPolicy = 'hook-succeeded' | 'hook-failed' | 'before-hook-creation';

/** One rendered hook; sorted by kind, then weight, then name where it is run. */
export interface RenderedHook {
  readonly name: string;
  readonly kind: string;
  readonly path: string;
  /** As in {@link RenderedManifest}. */
  readonly line: number;
  readonly manifest: string;
  readonly events: readonly HookEvent[];
  readonly weight: number;
  readonly deletePolicies: readonly HookPolicy[];
  readonly outputLogPolicies: readonly HookPolicy[];
}

/** Something the author should know; never part of the output. */
export interface RenderWarning {
  readonly code: string;
  readonly message: string;
}

/** All that one render gives. */
export interface RenderResult {
  /** In Helm's install order. */
  readonly manifests: readonly RenderedManifest[];
  readonly hooks: readonly RenderedHook[];
  /** NOTES.txt rendered; '' without one. */
  readonly notes: string;
  /** The chart's crds/, then those of the dependencies that are on. */
  readonly crds: readonly ChartCrd[];
  readonly warnings: readonly RenderWarning[];
  /** Every rendered template by path, empty ones and partials left out. */
  readonly files: ReadonlyMap<string, string>;
  /** The chart as it was rendered: dependencies enabled, aliased, imported. */
  readonly chart: Chart;
  /** The coalesced values, as JSON data. */
  readonly values: UnknownRecord;
  /** Of a render with `trace: true`. */
  readonly trace?: RenderTrace;
}
