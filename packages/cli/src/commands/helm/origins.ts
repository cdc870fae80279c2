/** Places and origins of values as one reads them. */

import type { Place, ValueOrigin } from '@towpath/charts';

/** `file:line:column` */
export function placeText({ file, line, column }: Place): string {
  return `${file}:${line}:${column}`;
}

/** Who set a value, then whom that overrode: the first line names the path, the others are indented. */
export function originsText(path: string, origins: readonly ValueOrigin[]): string[] {
  const [winner, ...overridden] = origins;
  if (winner === undefined) return [`value ${path}: nobody set it`];
  const verb = winner.isNull === true ? 'deleted' : 'set';
  return [
    `value ${path}: ${verb} by ${originText(winner)}`,
    ...overridden.map((origin) => `  over ${originText(origin)}${origin.isNull === true ? ', which deleted it' : ''}`),
  ];
}

const kinds: Readonly<Record<ValueOrigin['kind'], string>> = {
  chart: 'chart default',
  file: 'values file',
  flag: 'flag',
  import: 'import-values',
};

function originText({ kind, source, at }: ValueOrigin): string {
  const where = at === undefined ? source : placeText(at);
  return kind === 'flag' ? where : `${where} (${kinds[kind]})`;
}
