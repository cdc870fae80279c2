/** The built-in types, read from the generated table. */

import { present } from '@towpath/kit';
import table from '../data/types.json' with { type: 'json' };
import type { Field, ListSchema, ScalarSchema, ScalarType, Schema, StructSchema } from './schema.ts';

const kinds: Readonly<Record<string, string>> = table.kinds;
const types: Readonly<Record<string, string>> = table.types;

const letters: Readonly<Record<string, ScalarType>> = {
  s: 'string',
  b: 'boolean',
  i: 'int32',
  l: 'int64',
  f: 'float',
  y: 'bytes',
};

const special: Readonly<Record<string, ScalarType>> = {
  'meta.v1.Time': 'time',
  'meta.v1.MicroTime': 'microTime',
  'meta.v1.FieldsV1': 'any',
  'resource.Quantity': 'quantity',
  'intstr.IntOrString': 'intOrString',
  'runtime.RawExtension': 'any',
  'apiextensions.v1.JSON': 'any',
  'apiextensions.v1.JSONSchemaPropsOrArray': 'any',
  'apiextensions.v1.JSONSchemaPropsOrBool': 'any',
  'apiextensions.v1.JSONSchemaPropsOrStringArray': 'any',
};

/** Structs of Go that are one value in JSON: omitempty does not leave them out. */
const writtenAsNull: ReadonlySet<ScalarType> = new Set(['time', 'microTime', 'quantity']);

/** Finds the schemas of built-in kinds. Types are parsed when first asked for. */
export class TypeTable {
  readonly #parsed = new Map<string, Schema>();

  /** The schema of a built-in kind, undefined when the table has none. */
  forKind(group: string, version: string, kind: string): StructSchema | undefined {
    const name = kinds[`${group}/${version}/${kind}`];
    if (name === undefined) return undefined;
    const schema = this.byName(name);
    return schema.kind === 'struct' ? schema : undefined;
  }

  /** The schema of a type by its short Go name, e.g. `meta.v1.ObjectMeta`. */
  byName(name: string): Schema {
    const known = this.#parsed.get(name);
    if (known !== undefined) return known;
    const scalar = special[name];
    const schema: Schema = scalar === undefined ? this.#struct(name) : { kind: 'scalar', type: scalar, typeName: name };
    this.#parsed.set(name, schema);
    return schema;
  }

  #struct(name: string): StructSchema {
    const text = present(types[name], `type ${name}`);
    const atomic = text.startsWith('@atomic ');
    const body = atomic ? text.slice('@atomic '.length) : text;
    let fields: ReadonlyMap<string, Field> | undefined;
    const parse = (): ReadonlyMap<string, Field> => this.#fields(body);
    return {
      kind: 'struct',
      typeName: name,
      atomic,
      preserveUnknown: false,
      get fields() {
        fields ??= parse();
        return fields;
      },
    };
  }

  #fields(text: string): ReadonlyMap<string, Field> {
    const fields = new Map<string, Field>();
    for (const part of text.split(' ')) {
      if (part === '') continue;
      const [name = '', number = '', repr = '', flags = '', ...extras] = part.split(':');
      if (name === '') {
        const embedded = this.byName(repr);
        if (embedded.kind === 'struct')
          for (const [inner, field] of embedded.fields)
            fields.set(inner, { ...field, number: inlineNumber(number, field) });
        continue;
      }
      fields.set(name, this.#field({ name, number, repr, flags, extras }));
    }
    return fields;
  }

  #field(parts: { name: string; number: string; repr: string; flags: string; extras: string[] }): Field {
    const { flags } = parts;
    const extra = new Map(
      parts.extras.map((item) => [item.slice(0, item.indexOf('=')), item.slice(item.indexOf('=') + 1)]),
    );
    const schema = this.#schemaOf(parts.repr, flags, extra.get('keys'));
    const pointer = flags.includes('p');
    const isStruct = schema.kind === 'struct' || (schema.kind === 'scalar' && writtenAsNull.has(schema.type));
    const structural = isStruct && !flags.includes('z');
    return {
      name: parts.name,
      schema,
      number: Number(parts.number === '' ? 0 : parts.number),
      required: flags.includes('r'),
      alwaysWritten: !pointer && !flags.includes('z') && (structural || !flags.includes('o')),
      pointer,
      ...optional('patchStrategy', extra.get('patch')),
      ...optional('mergeKey', extra.get('mergeKey')),
    };
  }

  #schemaOf(repr: string, flags: string, keys: string | undefined): Schema {
    const atomic = flags.includes('a');
    if (repr.startsWith('{')) {
      return { kind: 'map', element: this.#schemaOf(repr.slice(1), '', undefined), atomic };
    }
    if (repr.startsWith('[')) {
      const element = this.#schemaOf(repr.slice(1), '', undefined);
      const listType: ListSchema['listType'] = keys === undefined ? (flags.includes('s') ? 'set' : 'atomic') : 'map';
      return { kind: 'list', element, listType, keys: keys?.split(',') ?? [] };
    }
    const letter = letters[repr];
    if (letter !== undefined) return { kind: 'scalar', type: letter } satisfies ScalarSchema;
    const schema = this.byName(repr);
    return atomic && schema.kind === 'struct' && !schema.atomic ? atomicView(schema) : schema;
  }
}

/**
 * Type metadata is not on the wire at all; any other embedded struct is a message of its own there, and its number is
 * kept for the decoder as `outer * 1000 + inner`.
 */
function inlineNumber(outer: string, field: Field): number {
  return outer === '' ? 0 : Number(outer) * 1000 + field.number;
}

function atomicView(schema: StructSchema): StructSchema {
  return {
    kind: 'struct',
    typeName: schema.typeName,
    atomic: true,
    preserveUnknown: schema.preserveUnknown,
    get fields() {
      return schema.fields;
    },
  };
}

function optional<Name extends string>(name: Name, value: string | undefined): { [key in Name]?: string } {
  return value === undefined ? {} : ({ [name]: value } as { [key in Name]: string });
}
