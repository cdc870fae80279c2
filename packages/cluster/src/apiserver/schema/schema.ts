/** The shape of a value: one description for decoding, pruning, merging, applying and documenting objects. */

/** Leaves. `any` is JSON that is not looked into. */
export type ScalarType =
  | 'string'
  | 'boolean'
  | 'int32'
  | 'int64'
  | 'float'
  | 'bytes'
  | 'time'
  | 'microTime'
  | 'quantity'
  | 'intOrString'
  | 'any';

export interface ScalarSchema {
  readonly kind: 'scalar';
  readonly type: ScalarType;
  /** The name of a special type, e.g. `apiextensions.v1.JSON`; needed to decode protobuf. */
  readonly typeName?: string;
}

export interface StructSchema {
  readonly kind: 'struct';
  /** Short Go name, e.g. `core.v1.PodSpec`; empty for custom resources. */
  readonly typeName: string;
  /** In declaration order, embedded structs flattened. */
  readonly fields: ReadonlyMap<string, Field>;
  /** Applied as a whole. */
  readonly atomic: boolean;
  /** Members that `fields` does not name are kept. */
  readonly preserveUnknown: boolean;
}

export interface MapSchema {
  readonly kind: 'map';
  readonly element: Schema;
  readonly atomic: boolean;
}

export interface ListSchema {
  readonly kind: 'list';
  readonly element: Schema;
  readonly listType: 'atomic' | 'set' | 'map';
  /** With listType `map`. */
  readonly keys: readonly string[];
}

export type Schema = ScalarSchema | StructSchema | MapSchema | ListSchema;

export interface Field {
  readonly name: string;
  readonly schema: Schema;
  /** Proto field number, 0 when it has none. */
  readonly number: number;
  readonly required: boolean;
  /** Written even when empty, as Go writes members without omitempty. */
  readonly alwaysWritten: boolean;
  /** A Go pointer: zero values are kept. */
  readonly pointer: boolean;
  readonly patchStrategy?: string;
  readonly mergeKey?: string;
}

/** JSON of any shape. */
export const anySchema: ScalarSchema = { kind: 'scalar', type: 'any' };
