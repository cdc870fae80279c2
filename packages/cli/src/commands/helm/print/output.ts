/** The three forms of output: table, JSON and YAML. */

import { toYaml } from '@towpath/charts';
import { TowpathError } from '@towpath/kit';

export type OutputFormat = 'table' | 'json' | 'yaml';

/** Throws `USAGE`. */
export function parseOutput(value: string): OutputFormat {
  if (value === 'table' || value === 'json' || value === 'yaml') return value;
  throw new TowpathError('USAGE', `invalid argument "${value}" for "-o, --output" flag: invalid format type`, {
    next: 'use table, json or yaml',
  });
}

/** One line of JSON with the characters escaped that Go escapes. */
export function jsonText(value: unknown): string {
  const escaped = JSON.stringify(value).replaceAll(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return `${escaped}\n`;
}

/** Sorted keys, as Helm writes YAML. */
export function yamlText(value: unknown): string {
  return `${toYaml(value)}\n`;
}

/** `value` as JSON or YAML, or what `table` makes. */
export function formatOutput(format: OutputFormat, value: unknown, table: () => string): string {
  if (format === 'json') return jsonText(value);
  if (format === 'yaml') return yamlText(value);
  return table();
}

export interface TableOptions {
  /** Longer cells are cut; 0 leaves them whole. */
  readonly maxWidth?: number;
}

/** Columns padded to their widest cell and parted by a tab. */
export function tableText(rows: readonly (readonly string[])[], options: TableOptions = {}): string {
  const limit = options.maxWidth ?? 0;
  const cells = rows.map((row) => row.map((cell) => cut(cell, limit)));
  const widths: number[] = [];
  for (const row of cells) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, widthOf(cell));
  }
  const line = (row: readonly string[]): string =>
    row.map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - widthOf(cell))).join('\t');
  return cells.map((row) => `${line(row)}\n`).join('');
}

function cut(cell: string, limit: number): string {
  const characters = Array.from(cell);
  if (limit === 0 || characters.length <= limit) return cell;
  return `${characters.slice(0, limit - 3).join('')}...`;
}

function widthOf(cell: string): number {
  return Array.from(cell).length;
}
