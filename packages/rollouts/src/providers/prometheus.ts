/** Prometheus as a metric provider. Source: Flagger, pkg/metrics/providers/prometheus.go. */

import { messageOf } from '@towpath/kit';
import { queryInstant, type Connect } from '@towpath/metrics/client';
import type { MetricProviderFactory } from './provider.ts';

export interface PrometheusOptions {
  readonly connect?: Connect | undefined;
}

/** Providers that ask over HTTP; queries are sent with their whitespace collapsed. */
export function prometheusProviders({ connect }: PrometheusOptions): MetricProviderFactory {
  return (address) => {
    const ask = (query: string): ReturnType<typeof queryInstant> => {
      return queryInstant({ address, query: query.replace(/\s+/g, ' ').trim(), connect });
    };
    return {
      address,
      values: ask,
      async measure(query) {
        try {
          const value = (await ask(query)).at(-1)?.value;
          return value === undefined || Number.isNaN(value) ? { type: 'no-values' } : { type: 'value', value };
        } catch (error) {
          return { type: 'failed', error: messageOf(error) };
        }
      },
      async isOnline() {
        try {
          const [one] = await ask('vector(1)');
          return one?.value === 1 ? undefined : 'vector(1) is not 1';
        } catch (error) {
          return messageOf(error);
        }
      },
    };
  };
}
