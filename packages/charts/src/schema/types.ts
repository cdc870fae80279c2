/** A compiled JSON Schema, and what its checks report. */

import type { Decimal } from '../go/decimal.ts';
import type { Regexp } from '../go/regexp.ts';
import type { Format } from './formats.ts';

/** The drafts this package knows: 2019 is 2019-09, 2020 is 2020-12. */
export type DraftVersion = 4 | 6 | 7 | 2019 | 2020;

/** What a JSON value is called in `type`. */
export type TypeName = 'null' | 'boolean' | 'number' | 'integer' | 'string' | 'array' | 'object';

/** One schema of a document. Cycles are possible through references. */
export interface Schema {
  /** Such as `file:///values.schema.json#/properties/a`. */
  readonly location: string;
  readonly url: string;
  readonly pointer: string;
  draft: DraftVersion;
  /** The schema that starts the resource this one stands in. */
  resource: Schema;
  isRecursiveAnchor: boolean;
  dynamicAnchor: string;
  dynamicAnchors: Map<string, Schema>;
  /** A schema that is `true`, `false` or empty. */
  always: boolean | undefined;
  /** Numbers, texts and counts by keyword. */
  assertions: Assertions;
  applicators: Applicators;
  allPropertiesEvaluated: boolean;
  allItemsEvaluated: boolean;
  itemsEvaluated: number;
}

/** What is asserted about a value itself. */
export interface Assertions {
  types?: ReadonlySet<TypeName>;
  constant?: { readonly value: unknown };
  choices?: readonly unknown[];
  format?: Format;
  numbers?: readonly NumberBound[];
  multipleOf?: Decimal;
  minLength?: number;
  maxLength?: number;
  pattern?: { readonly text: string; readonly expression: Regexp };
  minItems?: number;
  maxItems?: number;
  uniqueItems?: boolean;
  minContains?: number;
  maxContains?: number;
  minProperties?: number;
  maxProperties?: number;
  required?: readonly string[];
  dependentRequired?: ReadonlyMap<string, readonly string[]>;
}

export interface NumberBound {
  readonly keyword: 'minimum' | 'maximum' | 'exclusiveMinimum' | 'exclusiveMaximum';
  readonly bound: Decimal;
}

/** The schemas below a schema. */
export interface Applicators {
  ref?: Schema;
  recursiveRef?: Schema;
  dynamicRef?: { readonly schema: Schema; readonly anchor: string };
  allOf?: readonly Schema[];
  anyOf?: readonly Schema[];
  oneOf?: readonly Schema[];
  not?: Schema;
  when?: Schema;
  then?: Schema;
  otherwise?: Schema;
  properties?: ReadonlyMap<string, Schema>;
  patternProperties?: readonly { readonly expression: Regexp; readonly schema: Schema }[];
  additionalProperties?: boolean | Schema;
  propertyNames?: Schema;
  dependencies?: ReadonlyMap<string, readonly string[] | Schema>;
  dependentSchemas?: ReadonlyMap<string, Schema>;
  unevaluatedProperties?: Schema;
  items?: Schema;
  prefixItems?: readonly Schema[];
  additionalItems?: boolean | Schema;
  contains?: Schema;
  unevaluatedItems?: Schema;
}

/** One failed check; `causes` say why, where the check was made of others. */
export interface Problem {
  readonly path: readonly string[];
  readonly message: string;
  readonly kind: 'check' | 'group' | 'reference';
  causes: readonly Problem[];
}

/** A schema that cannot be used: the message is Helm's sentence where Helm has one. */
export class SchemaError extends Error {
  override readonly name = 'SchemaError';
}
