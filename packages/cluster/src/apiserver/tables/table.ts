/** `metav1.Table`: what kubectl prints. */

import type { AnyObject } from '@towpath/api';
import { convert } from '../resources/convert.ts';
import columns from '../data/columns.json' with { type: 'json' };
import type { Resource } from '../resources/resource.ts';
import { ageOf } from './age.ts';
import type { Cells } from './cells.ts';
import { coreCells } from './core-cells.ts';
import { customColumns } from './custom-cells.ts';
import { workloadCells } from './workload-cells.ts';

export interface ColumnDefinition {
  readonly name: string;
  readonly type: string;
  readonly format: string;
  readonly description: string;
  /** 0 is always shown, 1 with `-o wide`. */
  readonly priority: number;
}

export interface TableOptions {
  readonly nowMs: number;
  /** Rows carry `Metadata`, the whole `Object` or `None`. */
  readonly includeObject: string;
  readonly apiVersion: string;
  readonly resourceVersion: string;
  readonly continue?: string;
  readonly remainingItemCount?: number;
}

const recorded: Readonly<Record<string, readonly string[]>> = columns;
const rows: Readonly<Record<string, Cells>> = { ...coreCells, ...workloadCells };

const nameColumn: ColumnDefinition = { name: 'Name', type: 'string', format: 'name', description: '', priority: 0 };
const nameAndAge: Cells = (object, nowMs) => [object.metadata.name, ageOf(object.metadata.creationTimestamp, nowMs)];
const nameAndCreated: Cells = (object) => [object.metadata.name, object.metadata.creationTimestamp ?? null];

/** Columns and row of a resource: recorded ones, the declared ones of custom resources, else Name and Age. */
function layoutOf(resource: Resource): { definitions: readonly ColumnDefinition[]; cells: Cells } {
  if (resource.custom !== undefined) return customColumns(resource.custom);
  const key = `${resource.apiVersion}/${resource.plural}`;
  const known = recorded[key];
  const cells = rows[resource.collection];
  if (known !== undefined && cells !== undefined) return { definitions: known.map(definitionOf), cells };
  if (known?.[1]?.startsWith('Created At') === true)
    return { definitions: known.map(definitionOf), cells: nameAndCreated };
  return { definitions: [nameColumn, { ...nameColumn, name: 'Age', format: '' }], cells: nameAndAge };
}

function definitionOf(text: string): ColumnDefinition {
  const [name = '', type = '', format = '', priority = '0'] = text.split(':');
  return { name, type, format, description: '', priority: Number(priority) };
}

/** A table of `objects`. */
export function tableOf(resource: Resource, objects: readonly AnyObject[], options: TableOptions): unknown {
  const { definitions, cells } = layoutOf(resource);
  const { nowMs, includeObject, apiVersion, resourceVersion, remainingItemCount } = options;
  return {
    kind: 'Table',
    apiVersion,
    metadata: {
      resourceVersion,
      ...(options.continue === undefined ? {} : { continue: options.continue }),
      ...(remainingItemCount === undefined ? {} : { remainingItemCount }),
    },
    columnDefinitions: definitions,
    rows: objects.map((object) => ({
      cells: cells(object, nowMs),
      object: includeObject === 'None' ? null : rowObject(resource, object, includeObject, apiVersion),
    })),
  };
}

function rowObject(resource: Resource, object: AnyObject, includeObject: string, apiVersion: string): unknown {
  if (includeObject === 'Object') return convert(object, resource.apiVersion);
  return { kind: 'PartialObjectMetadata', apiVersion, metadata: object.metadata };
}
