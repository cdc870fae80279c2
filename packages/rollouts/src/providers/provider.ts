/** A source of metric values; one file per implementation. */

export type Measurement =
  | { readonly type: 'value'; readonly value: number }
  /** The query is fine, but nothing matched or the result was NaN. */
  | { readonly type: 'no-values' }
  /** The query could not be answered. */
  | { readonly type: 'failed'; readonly error: string };

export interface LabelledValue {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface MetricProvider {
  /** Where it asks: a metric template may name a server of its own. */
  readonly address: string;
  /** One number, as checks use it: the last element of the vector. */
  measure(query: string): Promise<Measurement>;
  /** Every element, for diagnoses. Throws when the provider cannot be asked. */
  values(query: string): Promise<readonly LabelledValue[]>;
  /** Undefined when it answers, else why not. */
  isOnline(): Promise<string | undefined>;
}

/** Makes the provider of a metrics server's address. */
export type MetricProviderFactory = (address: string) => MetricProvider;
