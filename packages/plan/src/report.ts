/** What `towpath plan` says: plain JSON data, with every secret already masked. */

/** Which two states of the repository were compared. */
export interface Compared {
  /** A commit id, or `work tree`. */
  readonly revision: string;
  /** Why this one: `deployed by Sync flux/flux`, `merge base with origin/master` … */
  readonly because: string;
}

/** Who set a value: file and line where they are known. */
export interface ValueSource {
  /** From the root chart's values: `image.tag`. */
  readonly path: string;
  /** The winner first, as `file:line`; empty when nobody set it. */
  readonly setBy: readonly string[];
}

export interface FieldChange {
  /** `spec.template.spec.containers[server].image`. */
  readonly path: string;
  /** JSON data, masked; absent when the field was not there. */
  readonly before?: unknown;
  readonly after?: unknown;
  /** The template's line in the repository, for rendered objects: `deploy/charts/x/templates/y.yaml:12`. */
  readonly template?: string;
  readonly values?: readonly ValueSource[];
}

/** What the API server said to a dry run of the change. */
export interface Rehearsal {
  readonly outcome: 'accepted' | 'refused' | 'no-effect' | 'not-asked';
  /** Why it was refused or not asked. */
  readonly message?: string;
  /** Fields of the live object that would change besides those of the commit: drift, defaults, admission. */
  readonly alsoChanges: readonly FieldChange[];
}

export interface ObjectChange {
  readonly action: 'create' | 'update' | 'delete';
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
  /** Its manifest or template in the repository, with the line. */
  readonly source: string;
  /** `ns/name` of the HelmRelease that renders it. */
  readonly release?: string;
  readonly isHook: boolean;
  readonly fields: readonly FieldChange[];
  readonly rehearsal: Rehearsal;
}

export interface CanaryProblem {
  /** `fails`: the analysis cannot succeed as it is; `warning`: it may mislead. */
  readonly level: 'fails' | 'warning';
  readonly cause: string;
  readonly message: string;
  readonly next: string;
}

export interface CanaryForecast {
  readonly namespace: string;
  readonly name: string;
  readonly target: string;
  /** What starts it. */
  readonly because: string;
  /** `initialize`: a first version is promoted without analysis; `skip`: skipAnalysis; `refused`: the controller does not run it. */
  readonly starts: 'analysis' | 'initialize' | 'skip' | 'refused';
  /** Percent. */
  readonly weights: readonly number[];
  readonly intervalSeconds: number;
  /** From the start to the promotion, when every check passes. */
  readonly atLeastSeconds: number;
  /** Failed checks that end it. */
  readonly threshold: number;
  readonly problems: readonly CanaryProblem[];
}

/** Something that cannot be read, rendered or told. */
export interface PlanProblem {
  readonly source: string;
  readonly message: string;
}

export interface PlanReport {
  readonly base: Compared;
  readonly head: Compared;
  /** Files that differ below what is synchronised, charts included. */
  readonly files: readonly string[];
  readonly objects: readonly ObjectChange[];
  readonly canaries: readonly CanaryForecast[];
  /** What stops the commit from being applied: the exit code is 1. */
  readonly problems: readonly PlanProblem[];
  /** What could not be compared, and why. */
  readonly notes: readonly string[];
}
