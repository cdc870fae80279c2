/** Server-side tables, asked for and printed as kubectl prints them. */

import { resourcePath, type ResourceType } from '@towpath/api';
import { apiErrorFrom, type Client } from '@towpath/runtime';

export const tableAccept =
  'application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json';

export interface TableColumn {
  readonly name: string;
  readonly priority: number;
}

export interface TableRow {
  readonly cells: readonly unknown[];
  readonly object?: { metadata?: { name?: string; namespace?: string; labels?: Record<string, string> } };
}

export interface Table {
  readonly columnDefinitions?: readonly TableColumn[];
  readonly rows?: readonly TableRow[];
  readonly metadata?: { resourceVersion?: string };
}

export interface TableQuery {
  readonly type: ResourceType;
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
}

export interface TableFormat {
  readonly wide: boolean;
  readonly noHeaders: boolean;
  readonly showNamespace: boolean;
  readonly showLabels: boolean;
  /** Prefixes names with `kind/`, when several kinds are shown. */
  readonly kindPrefix?: string | undefined;
}

/** Asks for a Table. Throws `ApiError`. */
export async function fetchTable(client: Client, query: TableQuery): Promise<Table> {
  const response = await client.request({
    method: 'GET',
    path: resourcePath(query.type, { namespace: query.namespace, name: query.name }),
    query: {
      labelSelector: query.labelSelector,
      fieldSelector: query.fieldSelector,
      includeObject: 'Metadata',
    },
    headers: { accept: tableAccept },
  });
  const text = await response.text();
  if (response.status >= 400) throw apiErrorFrom(response.status, text);
  return JSON.parse(text) as Table;
}

/** The header and the rows as text cells. */
export function tableCells(
  columns: readonly TableColumn[],
  rows: readonly TableRow[],
  format: TableFormat,
): { header: string[]; body: string[][] } {
  const shown = columns
    .map((column, index) => ({ column, index }))
    .filter(({ column }) => format.wide || column.priority === 0);
  const header = [
    ...(format.showNamespace ? ['NAMESPACE'] : []),
    ...shown.map(({ column }) => column.name.toUpperCase()),
    ...(format.showLabels ? ['LABELS'] : []),
  ];
  const body = rows.map((row) => [
    ...(format.showNamespace ? [row.object?.metadata?.namespace ?? ''] : []),
    ...shown.map(({ column, index }) => cellText(row.cells[index], column, format.kindPrefix)),
    ...(format.showLabels ? [labelsText(row)] : []),
  ]);
  return { header, body };
}

function cellText(cell: unknown, column: TableColumn, kindPrefix: string | undefined): string {
  const text = cell === null || cell === undefined ? '' : String(cell);
  return kindPrefix !== undefined && column.name === 'Name' ? `${kindPrefix}/${text}` : text;
}

function labelsText(row: TableRow): string {
  const entries = Object.entries(row.object?.metadata?.labels ?? {});
  return entries.length === 0 ? '<none>' : entries.map(([key, value]) => `${key}=${value}`).join(',');
}

/** Aligns columns with at least three spaces between them; `widths` grows and is kept over a watch. */
export function alignRows(rows: readonly (readonly string[])[], widths: number[] = []): string {
  for (const row of rows) {
    row.forEach((cell, index) => {
      widths[index] = Math.max(widths[index] ?? 0, cell.length);
    });
  }
  const line = (row: readonly string[]): string =>
    row.map((cell, index) => (index === row.length - 1 ? cell : cell.padEnd((widths[index] ?? 0) + 3))).join('');
  return rows.map((row) => `${line(row)}\n`).join('');
}
