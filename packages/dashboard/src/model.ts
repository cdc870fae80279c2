/** What the page shows, as the server sends it: plain JSON, times in RFC 3339. */

export type Level = 'good' | 'busy' | 'bad';

export type StageName = 'commit' | 'pipeline' | 'image' | 'sync' | 'release' | 'canary';
export type StageState = 'waiting' | 'running' | 'done' | 'failed' | 'skipped';

/** One step of a commit's way; a step that runs has only a start, so that the page can count on. */
export interface Stage {
  readonly name: StageName;
  readonly state: StageState;
  readonly text: string;
  readonly startedAtMs: number | undefined;
  readonly endedAtMs: number | undefined;
}

export interface CommitRow {
  readonly repository: string;
  /** Full id. */
  readonly commit: string;
  /** Branch or tag name. */
  readonly ref: string;
  /** The tag its images got, when it built any. */
  readonly imageTag: string | undefined;
  readonly startedAt: string;
  readonly stages: readonly Stage[];
}

export interface ReleaseRow {
  readonly namespace: string;
  readonly name: string;
  readonly level: Level;
  /** Helm's word: deployed, failed, pending-upgrade … */
  readonly status: string;
  readonly message: string;
  readonly tag: string | undefined;
  /** Short commit or chart version. */
  readonly revision: string | undefined;
  readonly podsReady: number;
  readonly podsTotal: number;
  readonly createdAt: string;
}

export interface Threshold {
  readonly min: number | undefined;
  readonly max: number | undefined;
}

export interface CanaryCard {
  readonly namespace: string;
  readonly name: string;
  readonly target: string;
  readonly phase: string;
  readonly level: Level;
  /** Share of the traffic that the new version gets, 0–100. */
  readonly weightPercent: number;
  /** The weights it goes through. */
  readonly stepsPercent: readonly number[];
  readonly failedChecks: number;
  readonly failedChecksLimit: number;
  readonly interval: string;
  /** In percent and in milliseconds. */
  readonly successRate: Threshold;
  readonly durationMs: Threshold;
  readonly message: string;
  /** Why the last check found nothing to judge. */
  readonly diagnosis: string | undefined;
  readonly primaryTag: string | undefined;
  readonly canaryTag: string | undefined;
  readonly changedAt: string | undefined;
}

export interface EventRow {
  readonly id: string;
  readonly at: string;
  readonly warning: boolean;
  /** Kind/name. */
  readonly object: string;
  readonly namespace: string;
  readonly reason: string;
  readonly message: string;
  readonly count: number;
  /** What it means and what comes next, where we know. */
  readonly explanation: string | undefined;
}

export interface Link {
  readonly name: string;
  readonly url: string;
}

export interface DashboardState {
  readonly health: { readonly level: Level; readonly sentence: string };
  readonly commits: readonly CommitRow[];
  readonly releases: readonly ReleaseRow[];
  readonly canaries: readonly CanaryCard[];
  readonly events: readonly EventRow[];
  readonly links: readonly Link[];
}

/** One moment of a canary's measurements; null where there was no traffic. */
export interface MetricPoint {
  /** Seconds since the epoch. */
  readonly atSeconds: number;
  readonly primary: Measures;
  readonly canary: Measures;
}

export interface Measures {
  readonly successPercent: number | null;
  readonly p99Ms: number | null;
  readonly perSecond: number | null;
}

/** The measurements of one canary, oldest first. */
export interface MetricSeries {
  /** `namespace/name` */
  readonly canary: string;
  readonly points: readonly MetricPoint[];
}
