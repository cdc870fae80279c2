/** What `towpath explain` says: plain JSON data. */

export type Stage = 'source' | 'apply' | 'release' | 'workload' | 'pod' | 'canary';

export interface ObjectName {
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
}

/** One thing that was seen. */
export interface Proof {
  /** The object it was seen on. */
  readonly object: ObjectName;
  /** `status.conditions[Ready]`, `event Synced`, `log`, `query` … */
  readonly field: string;
  readonly text: string;
}

/** Why something is not well. */
export interface Finding {
  /** A row of the table of causes: `git-authentication`, `image-pull` … */
  readonly cause: string;
  readonly stage: Stage;
  readonly object: ObjectName;
  /** One sentence. */
  readonly sentence: string;
  /** Where in the repository, when it is known: `chart/templates/x.yaml:12`. */
  readonly place?: string;
  readonly evidence: readonly Proof[];
  readonly next: string;
  /** It only says that something else did not become ready. */
  readonly isConsequence?: true;
}

/** One link from the commit to the metric. */
export interface Link {
  readonly stage: Stage;
  readonly object: ObjectName;
  readonly state: 'well' | 'failing' | 'waiting';
  /** A revision, a phase, `2/2 ready`. */
  readonly detail: string;
}

export interface Explanation {
  readonly target: ObjectName;
  readonly isWell: boolean;
  /** In the order of the flow. */
  readonly chain: readonly Link[];
  /** Absent when all is well, or when the cause is not known. */
  readonly first?: Finding;
  /** What else is not well along the chain. */
  readonly others: readonly Finding[];
}
