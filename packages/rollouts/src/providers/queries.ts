/** The builtin queries as text, and the placeholders that metric templates may use. */

import type { MetricPlan, Plan } from '../plan.ts';
import { rolloutError } from '../errors.ts';

/** Source: Flagger, pkg/metrics/observers/istio.go. */
export const istioQueries = {
  'request-success-rate': `
    sum(
      rate(
        istio_requests_total{
          reporter="destination",
          destination_workload_namespace="{{ namespace }}",
          destination_workload=~"{{ target }}",
          response_code!~"5.*"
        }[{{ interval }}]
      )
    )
    /
    sum(
      rate(
        istio_requests_total{
          reporter="destination",
          destination_workload_namespace="{{ namespace }}",
          destination_workload=~"{{ target }}"
        }[{{ interval }}]
      )
    )
    * 100`,
  'request-duration': `
    histogram_quantile(
      0.99,
      sum(
        rate(
          istio_request_duration_milliseconds_bucket{
            reporter="destination",
            destination_workload_namespace="{{ namespace }}",
            destination_workload=~"{{ target }}"
          }[{{ interval }}]
        )
      ) by (le)
    )`,
} as const;

/** The values of the placeholders for one metric of one canary. */
export function placeholders(plan: Plan, metric: Pick<MetricPlan, 'interval' | 'variables'>): Record<string, string> {
  return {
    name: plan.name,
    namespace: plan.namespace,
    target: plan.target,
    service: plan.service.apex,
    ingress: '',
    route: '',
    interval: metric.interval,
    ...Object.fromEntries(Object.entries(metric.variables).map(([name, value]) => [`variables.${name}`, value])),
  };
}

/** Fills `{{ namespace }}`, `{{ variables.x }}`; also the 2020 spelling `{{ .Namespace }}`. Throws on an unknown one. */
export function renderQuery(template: string, values: Readonly<Record<string, string>>): string {
  const rendered = template.replace(/\{\{-?\s*\.?([\w.]+)\s*-?\}\}/g, (whole, name: string) => {
    const value = values[name] ?? values[name.charAt(0).toLowerCase() + name.slice(1)];
    if (value !== undefined) return value;
    throw rolloutError('METRIC_TEMPLATE_INVALID', `placeholder ${whole} is unknown in a metric query`, {
      next: `use one of ${Object.keys(values).join(', ')}`,
    });
  });
  const left = /\{\{.*?\}\}/.exec(rendered)?.[0];
  if (left === undefined) return rendered.replace(/\s+/g, ' ').trim();
  throw rolloutError('METRIC_TEMPLATE_INVALID', `${left} is not supported in a metric query, only placeholders`);
}
