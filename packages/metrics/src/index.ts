/** Metrics: scraping, a store of the last hours, PromQL, and Prometheus' HTTP API. */

export { createApiHandler, type ApiDeps, type RequestHandler } from './api/handler.ts';
export { createPrometheusBuiltin, type PrometheusBuiltinDeps } from './builtin.ts';
export * from './client/index.ts';
export { metricsErrorCodes, type MetricsErrorCode } from './errors.ts';
export { labelsOf, type Labels } from './labels.ts';
export { createEngine, type Engine, type EngineOptions, type QueryResult } from './promql/engine.ts';
export { functionRows } from './promql/functions/index.ts';
export { parseQuery } from './promql/parse.ts';
export type { ScrapeTarget, TargetHealth } from './scrape/target.ts';
export {
  createMetricsServer,
  defaultMetricsServerConfig,
  type MetricsServer,
  type MetricsServerConfig,
  type MetricsServerOptions,
} from './server.ts';
export { SeriesStore, type StoreOptions } from './store/series-store.ts';
