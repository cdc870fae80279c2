/** `metav1.Table`: what kubectl prints. */

import type { AnyObject } from '@towpath/api';
import type { Resource } from '../resources/resource.ts';

export interface TableOptions {
  readonly nowMs: number;
  readonly includeObject: string;
  readonly apiVersion: string;
  readonly resourceVersion: string;
  readonly continue?: string;
  readonly remainingItemCount?: number;
}

/** A table of `objects`. */
export function tableOf(_resource: Resource, objects: readonly AnyObject[], options: TableOptions): unknown {
  return {
    kind: 'Table',
    apiVersion: options.apiVersion,
    metadata: { resourceVersion: options.resourceVersion },
    columnDefinitions: [{ name: 'Name', type: 'string', format: 'name', description: '', priority: 0 }],
    rows: objects.map((object) => ({
      cells: [object.metadata.name],
      object: { kind: 'PartialObjectMetadata', apiVersion: options.apiVersion, metadata: object.metadata },
    })),
  };
}
