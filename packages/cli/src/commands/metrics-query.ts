/** Instant queries for plan and explain: a Prometheus that is named, or that of the running Towpath. */

import { getIn, isRecord } from '@towpath/kit';
import type { Query } from '@towpath/plan';
import type { CliContext } from '../context.ts';

/** A Prometheus that takes longer makes a smaller plan. */
const timeoutMs = 3_000;

/** Undefined when none is known. */
export async function metricsQuery(context: CliContext, address: string | undefined): Promise<Query | undefined> {
  const base = address ?? (await context.ready())?.metrics;
  if (base === undefined) return undefined;
  return async (query) => {
    const url = `${base.replace(/\/+$/, '')}/api/v1/query?query=${encodeURIComponent(query)}`;
    const response = await fetch(url, { signal: AbortSignal.any([context.signal, AbortSignal.timeout(timeoutMs)]) });
    if (!response.ok) throw new Error(`${base} answered ${response.status}`);
    const found = getIn(await response.json(), ['data', 'result']);
    return (Array.isArray(found) ? found.filter(isRecord) : []).map(({ metric, value }) => ({
      labels: isRecord(metric) ? (metric as Record<string, string>) : {},
      value: Number(Array.isArray(value) ? value[1] : 0),
    }));
  };
}
