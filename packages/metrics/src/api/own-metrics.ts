/** The server's metrics about itself, under Prometheus' names. */

import type { ApiDeps } from './handler.ts';

/** The page /metrics. */
export function ownMetrics({
  store,
  scraper,
  startedAtMs,
}: Pick<ApiDeps, 'store' | 'scraper' | 'startedAtMs'>): string {
  const status = store.status();
  const rows: readonly (readonly [name: string, type: string, help: string, value: number])[] = [
    ['prometheus_tsdb_head_series', 'gauge', 'Total number of series in the head block.', status.series],
    [
      'prometheus_tsdb_head_samples_appended_total',
      'counter',
      'Total number of appended samples.',
      status.samplesAppended,
    ],
    ['prometheus_tsdb_head_chunks_storage_size_bytes', 'gauge', 'Size of all chunks.', status.sizeBytes],
    [
      'towpath_metrics_refused_series_total',
      'counter',
      'Series refused at the limit of the store.',
      status.refusedSeries,
    ],
    ['prometheus_target_scrape_pool_targets', 'gauge', 'Current number of targets.', scraper.targets().length],
    ['process_start_time_seconds', 'gauge', 'Start time of the server.', startedAtMs / 1000],
  ];
  return rows
    .map(([name, type, help, value]) => `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${name} ${value}\n`)
    .join('');
}
