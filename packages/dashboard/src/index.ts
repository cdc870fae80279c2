export { startDashboard, type Dashboard, type DashboardOptions } from './dashboard.ts';
export type { PrometheusQuery } from './measurements.ts';
export type { DashboardState, Link, MetricSeries } from './model.ts';
