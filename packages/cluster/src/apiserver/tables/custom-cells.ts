/** Rows of custom resources, from their `additionalPrinterColumns`. */

import type { CustomResource, PrinterColumn } from '../resources/resource.ts';
import { ageOf } from './age.ts';
import type { Cells } from './cells.ts';
import { compileJsonPath } from './json-path.ts';
import type { ColumnDefinition } from './table.ts';

/** Name and the declared columns, or Name and Age when none are declared. */
export function customColumns(custom: CustomResource): { definitions: ColumnDefinition[]; cells: Cells } {
  const name: ColumnDefinition = { name: 'Name', type: 'string', format: 'name', description: '', priority: 0 };
  const ages: PrinterColumn[] = [{ name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' }];
  const columns = custom.columns.length === 0 ? ages : custom.columns;
  const readers = columns.map((column) => ({ column, read: compileJsonPath(column.jsonPath) }));
  return {
    definitions: [
      name,
      ...columns.map((column) => ({
        name: column.name,
        type: column.type,
        format: column.format ?? '',
        description: column.description ?? '',
        priority: column.priority ?? 0,
      })),
    ],
    cells: (object, nowMs) => [
      object.metadata.name,
      ...readers.map(({ column, read }) => cellOf(column.type, read(object), nowMs)),
    ],
  };
}

/** One value is shown by its type; several are shown as text, as is anything that is not of the type. */
function cellOf(type: string, found: readonly unknown[], nowMs: number): unknown {
  const [first] = found;
  if (first === undefined || first === null) return type === 'date' && found.length > 0 ? '<unknown>' : null;
  switch (type) {
    case 'integer':
      return Number.isInteger(Number(first)) ? Number(first) : null;
    case 'number':
      return Number.isNaN(Number(first)) ? null : Number(first);
    case 'boolean':
      return typeof first === 'boolean' ? first : null;
    case 'date':
      return ageOf(first, nowMs);
    default:
      if (found.length > 1) return `[${found.map(textOf).join(' ')}]`;
      return textOf(first);
  }
}

function textOf(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
