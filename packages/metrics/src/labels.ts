/** Label sets as flat arrays `[name, value, name, value, …]`, sorted by name: small, and quick to compare and to print. */

/** Sorted by name (code units); no name twice, no empty value. */
export type Labels = readonly string[];

/** The label that carries the metric's name. */
export const metricNameLabel = '__name__';

export const noLabels: Labels = [];

/** Builds a label set; empty values are left out, as an empty label is an absent one. */
export function labelsOf(record: Readonly<Record<string, string>>): Labels {
  return labelsFromPairs(Object.entries(record));
}

/** Builds a label set from pairs in any order; the last value of a name wins. */
export function labelsFromPairs(pairs: Iterable<readonly [string, string]>): Labels {
  const sorted = [...new Map(pairs)].filter(([, value]) => value !== '');
  sorted.sort(([left], [right]) => (left < right ? -1 : left > right ? 1 : 0));
  return sorted.flat();
}

/** The value of `name`, or '' when absent. */
export function labelValue(labels: Labels, name: string): string {
  for (let index = 0; index < labels.length; index += 2) if (labels[index] === name) return labels[index + 1] ?? '';
  return '';
}

/** Only the named labels. */
export function keepLabels(labels: Labels, names: ReadonlySet<string>): Labels {
  return filterLabels(labels, (name) => names.has(name));
}

/** All but the named labels. */
export function dropLabels(labels: Labels, names: ReadonlySet<string>): Labels {
  return filterLabels(labels, (name) => !names.has(name));
}

const nameOnly: ReadonlySet<string> = new Set([metricNameLabel]);

/** All but the metric's name. */
export function withoutMetricName(labels: Labels): Labels {
  return dropLabels(labels, nameOnly);
}

/** A copy with `name` set; an empty value removes it. */
export function withLabel(labels: Labels, name: string, value: string): Labels {
  const pairs = [...labelPairs(labels)].filter(([other]) => other !== name);
  if (value !== '') pairs.push([name, value]);
  return labelsFromPairs(pairs);
}

export function* labelPairs(labels: Labels): Generator<[string, string], void, undefined> {
  for (let index = 0; index < labels.length; index += 2) yield [labels[index] ?? '', labels[index + 1] ?? ''];
}

/** As JSON shows them. */
export function labelRecord(labels: Labels): Record<string, string> {
  return Object.fromEntries(labelPairs(labels));
}

/** A text that is equal exactly when the sets are; U+FFFF appears in no label. */
export function labelsKey(labels: Labels): string {
  return labels.join('\uffff');
}

/** `name{a="b"}`, as error messages show a series. */
export function labelsText(labels: Labels): string {
  const pairs = [...labelPairs(labels)].filter(([name]) => name !== metricNameLabel);
  const inner = pairs.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(', ');
  return `${labelValue(labels, metricNameLabel)}{${inner}}`;
}

function filterLabels(labels: Labels, keep: (name: string) => boolean): Labels {
  const kept: string[] = [];
  for (let index = 0; index < labels.length; index += 2) {
    const name = labels[index] ?? '';
    if (keep(name)) kept.push(name, labels[index + 1] ?? '');
  }
  return kept.length === labels.length ? labels : kept;
}
