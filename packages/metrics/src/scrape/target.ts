/** What is scraped: where, how often, and which labels its series get. */

import type { Labels } from '../labels.ts';

export interface ScrapeTarget {
  /** Equal ids are the same target, whatever else changed. */
  readonly id: string;
  /** The scrape pool, e.g. `kubernetes-pods` or `serviceMonitor/shop/frontend/0`. */
  readonly pool: string;
  /** A pod IP. */
  readonly host: string;
  readonly port: number;
  readonly path: string;
  /** Query parameters, already encoded. */
  readonly query: string;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Put on every series; series' own labels of the same name become `exported_…`. */
  readonly labels: Labels;
  /** The series' own labels win instead. */
  readonly honorLabels: boolean;
  /** What discovery knew, for /api/v1/targets. */
  readonly discoveredLabels: Readonly<Record<string, string>>;
}

/** How the last scrape went. */
export interface TargetHealth {
  readonly health: 'unknown' | 'up' | 'down';
  readonly lastError: string;
  readonly lastScrapeAtMs: number;
  readonly lastDurationMs: number;
}
