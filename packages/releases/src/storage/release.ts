/** A release as Helm 3 stores it: the member names are those of the stored JSON. */

import type { UnknownRecord } from '@towpath/kit';

/** Source: helm 3 pkg/release, Status. */
export type ReleaseStatus =
  | 'unknown'
  | 'deployed'
  | 'uninstalled'
  | 'superseded'
  | 'failed'
  | 'uninstalling'
  | 'pending-install'
  | 'pending-upgrade'
  | 'pending-rollback';

/** True while an operation holds the release (or was killed holding it). */
export function isPending(status: ReleaseStatus): boolean {
  return status.startsWith('pending-');
}

/** Times are RFC 3339, or '' for never. */
export interface ReleaseInfo {
  first_deployed: string;
  last_deployed: string;
  deleted: string;
  description?: string;
  status: ReleaseStatus;
  notes?: string;
}

type HookPhase = '' | 'Unknown' | 'Running' | 'Succeeded' | 'Failed';

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

export type HookDeletePolicy = 'hook-succeeded' | 'hook-failed' | 'before-hook-creation';

export interface ReleaseHook {
  name: string;
  kind: string;
  path: string;
  manifest: string;
  events: HookEvent[];
  last_run: { started_at: string; completed_at: string; phase: HookPhase };
  weight?: number;
  delete_policies?: HookDeletePolicy[];
  output_log_policies?: ('hook-succeeded' | 'hook-failed')[];
}

/** A chart's file; `data` is base64. */
export interface StoredFile {
  name: string;
  data: string;
}

/** The chart of a release. Subcharts are not stored: Helm does not either. */
export interface StoredChart {
  metadata: UnknownRecord;
  lock: unknown;
  templates: StoredFile[];
  values: UnknownRecord;
  /** base64, or null */
  schema: string | null;
  files: StoredFile[];
}

/** One revision of a release. `labels` live on the Secret only. */
export interface Release {
  name: string;
  info: ReleaseInfo;
  chart: StoredChart;
  /** The user's values. */
  config: UnknownRecord;
  manifest: string;
  hooks: ReleaseHook[];
  /** The revision number, from 1. */
  version: number;
  namespace: string;
  labels: Record<string, string>;
  /** How its objects were sent; left out means client side. Helm 4 reads and writes it. */
  apply_method?: ApplyMethod;
}

/** Server-side or client-side apply. */
export type ApplyMethod = 'ssa' | 'csa';

/** A wall time as Helm stores it: RFC 3339 with the fraction's trailing zeros left out. */
export function toHelmTime(wallMs: number): string {
  const [seconds, fraction = ''] = new Date(wallMs).toISOString().slice(0, -1).split('.');
  const digits = fraction.replace(/0+$/, '');
  return digits === '' ? `${seconds}Z` : `${seconds}.${digits}Z`;
}
