/** What the server knows about one served resource. */

import type { AnyObject } from '@towpath/api';
import type { ResourceName, StatusCause } from '../http/status.ts';
import type { StructSchema } from '../schema/schema.ts';

export interface Subresource {
  readonly name: string;
  readonly kind: string;
  /** Of the subresource's own kind, e.g. autoscaling/v1 Scale. */
  readonly group: string;
  readonly version: string;
  readonly verbs: readonly string[];
}

/** One resource at one version. */
export interface Resource extends ResourceName {
  readonly version: string;
  readonly apiVersion: string;
  readonly kind: string;
  readonly listKind: string;
  readonly singular: string;
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly subresources: ReadonlyMap<string, Subresource>;
  /** Where its objects are kept: `core/pods`, `apps/deployments`; several versions share one. */
  readonly collection: string;
  /** The apiVersion objects are kept in. */
  readonly hub: string;
  readonly schema: StructSchema;
  /** Present for resources of a CustomResourceDefinition. */
  readonly custom?: CustomResource;
}

/** How objects of a custom resource are treated, compiled from its definition. */
export interface CustomResource {
  /** uid of the definition */
  readonly definitionUid: string;
  /** Removes what the schema does not name; returns the paths that were removed. */
  prune(object: Record<string, unknown>): string[];
  applyDefaults(object: Record<string, unknown>): void;
  /** A stored object with the defaults its definition has now, and its text; undefined where there are none. */
  defaulted(object: AnyObject): { readonly object: AnyObject; readonly json: string } | undefined;
  /** Validation causes; `old` for transition rules. What was wrong before and did not change is only warned of. */
  validate(
    object: Record<string, unknown>,
    old: Record<string, unknown> | undefined,
    warn: (message: string) => void,
  ): readonly StatusCause[];
  readonly hasStatus: boolean;
  /** What answers warn of; undefined for a version that is not deprecated. */
  readonly deprecation: string | undefined;
  readonly scale?: {
    readonly specReplicasPath: string;
    readonly statusReplicasPath: string;
    readonly labelSelectorPath?: string;
  };
  readonly columns: readonly PrinterColumn[];
  readonly selectableFields: readonly string[];
  /** For field ownership. */
  readonly applySchema: StructSchema;
  /** The schema as documented. */
  readonly openApi: unknown;
}

/** `additionalPrinterColumns`. */
export interface PrinterColumn {
  readonly name: string;
  readonly type: string;
  readonly format?: string;
  readonly description?: string;
  readonly priority?: number;
  readonly jsonPath: string;
}
