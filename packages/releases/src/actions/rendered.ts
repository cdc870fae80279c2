/** The parts of a render that a release stores, as plain data. */

import { manifestText, type ChartCrd, type ChartFile, type RenderedHook, type RenderResult } from '@towpath/charts';
import type { ReleaseHook, StoredChart, StoredFile } from '../storage/release.ts';

export interface Rendered {
  readonly manifest: string;
  readonly hooks: ReleaseHook[];
  /** '' without NOTES.txt. */
  readonly notes: string;
  readonly chart: StoredChart;
  /** The CRD files of the dependencies that are on, and the chart's own. */
  readonly crds: readonly ChartCrd[];
  /** Sentences for the author. */
  readonly warnings: readonly string[];
}

export function renderedOf(result: RenderResult): Rendered {
  return {
    manifest: manifestText(result),
    hooks: result.hooks.map(storedHook),
    notes: result.notes,
    chart: storedChart(result),
    crds: result.crds,
    warnings: result.warnings.map(({ message }) => message),
  };
}

function storedHook(hook: RenderedHook): ReleaseHook {
  const { name, kind, path, manifest, events, weight, deletePolicies, outputLogPolicies } = hook;
  return {
    name,
    kind,
    path,
    manifest,
    events: [...events],
    last_run: { started_at: '', completed_at: '', phase: '' },
    ...(weight !== 0 && { weight }),
    ...(deletePolicies.length > 0 && { delete_policies: [...deletePolicies] }),
    ...(outputLogPolicies.length > 0 && {
      output_log_policies: outputLogPolicies.filter((policy) => policy !== 'before-hook-creation'),
    }),
  };
}

function storedChart({ chart }: RenderResult): StoredChart {
  const { metadata, lock, templates, values, schema, files } = chart;
  return {
    metadata: { ...metadata },
    lock: lock ?? null,
    templates: templates.map(storedFile),
    values,
    schema: schema === undefined ? null : Buffer.from(schema).toString('base64'),
    files: files.map(storedFile),
  };
}

function storedFile({ name, data }: ChartFile): StoredFile {
  return { name, data: Buffer.from(data).toString('base64') };
}
