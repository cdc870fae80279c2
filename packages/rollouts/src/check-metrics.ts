/** Measures the metrics of an analysis in order, until one does not pass. */

import { MetricTemplates } from '@towpath/api';
import { getIn, messageOf } from '@towpath/kit';
import { rolloutError } from './errors.ts';
import { diagnose, type Diagnosis } from './diagnosis.ts';
import { gatherEvidence } from './evidence.ts';
import { judge, type Failure } from './judge.ts';
import { selectorLabelOf } from './objects/primary.ts';
import type { ActionContext } from './actions/context.ts';
import type { MetricPlan } from './plan.ts';
import type { Measurement, MetricProvider } from './providers/provider.ts';
import { istioQueries, placeholders, renderQuery } from './providers/queries.ts';

export interface FailedCheck extends Failure {
  readonly diagnosis: Diagnosis | undefined;
}

/** The first failure, with its cause when there were no values; undefined when all pass. */
export async function checkMetrics(context: ActionContext): Promise<FailedCheck | undefined> {
  for (const metric of context.plan.metrics) {
    const failure = await checkMetric(context, metric);
    if (failure !== undefined) return failure;
  }
  return undefined;
}

async function checkMetric(context: ActionContext, metric: MetricPlan): Promise<FailedCheck | undefined> {
  const { plan, deps } = context;
  let prepared: { provider: MetricProvider; query: string };
  try {
    prepared = await prepare(context, metric);
  } catch (error) {
    return { level: 'error', message: messageOf(error), unexplained: false, diagnosis: undefined };
  }
  const { provider, query } = prepared;
  const measurement: Measurement = await provider.measure(query);
  if (measurement.type === 'value') {
    const { value } = measurement;
    deps.metrics.setAnalysis(plan, metric.name, metric.kind === 'request-duration' ? value / 1000 : value);
  }
  const failure = judge(plan, metric, measurement);
  if (failure === undefined) return undefined;
  return { ...failure, diagnosis: failure.unexplained ? await explain(context, metric, provider) : undefined };
}

async function prepare(
  context: ActionContext,
  metric: MetricPlan,
): Promise<{ provider: MetricProvider; query: string }> {
  const { plan, deps } = context;
  const values = placeholders(plan, metric);
  if (metric.kind === 'template') return fromTemplate(context, metric);
  const text = metric.kind === 'query' ? metric.query : istioQueries[metric.kind];
  if (text === '') {
    const message = 'Metric query failed for no usable metrics template and query were configured';
    throw rolloutError('METRIC_TEMPLATE_INVALID', message, { next: `give metric ${metric.name} a templateRef` });
  }
  return { provider: deps.providers(plan.metricsServer), query: renderQuery(text, values) };
}

async function fromTemplate(
  { plan, deps }: ActionContext,
  metric: MetricPlan,
): Promise<{ provider: MetricProvider; query: string }> {
  const { name = '', namespace = '' } = metric.templateRef ?? {};
  const label = `Metric template ${name}.${namespace}`;
  const template = await deps.client.get(MetricTemplates, { namespace, name });
  if (template === undefined) throw rolloutError('METRIC_TEMPLATE_INVALID', `${label} error: not found`);
  const type = getIn(template, ['spec', 'provider', 'type']);
  if (type !== 'prometheus') {
    const message = `${label} provider ${String(type)} error: provider type is not supported, only prometheus`;
    throw rolloutError('METRIC_TEMPLATE_INVALID', message);
  }
  if (getIn(template, ['spec', 'provider', 'secretRef']) !== undefined) {
    throw rolloutError('METRIC_TEMPLATE_INVALID', `${label} secret error: spec.provider.secretRef is not supported`);
  }
  const address = getIn(template, ['spec', 'provider', 'address']);
  const query = getIn(template, ['spec', 'query']);
  return {
    provider: deps.providers(typeof address === 'string' && address !== '' ? address : plan.metricsServer),
    query: renderQuery(typeof query === 'string' ? query : '', placeholders(plan, metric)),
  };
}

async function explain(
  { plan, observed, deps }: ActionContext,
  metric: MetricPlan,
  provider: MetricProvider,
): Promise<Diagnosis | undefined> {
  if (observed.target === undefined) return undefined;
  const { name, value } = selectorLabelOf(observed.target);
  try {
    const { client } = deps;
    const selector = { [name]: value };
    return diagnose(await gatherEvidence({ plan, provider, client, interval: metric.interval, selector }));
  } catch (error) {
    // A diagnosis is an extra: the check has failed with or without it.
    deps.log.debug('no diagnosis', { canary: plan.name, error: messageOf(error) });
    return undefined;
  }
}
