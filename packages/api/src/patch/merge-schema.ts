/** Which members of built-in kinds a strategic merge patch merges, and by which key. */

import table from './merge-types.json' with { type: 'json' };

const kinds: Readonly<Record<string, string>> = table.kinds;
const types: Readonly<Record<string, string>> = table.types;

/** How one member is merged. */
export interface MergeField {
  readonly shape: 'value' | 'list' | 'map';
  /** Lists are merged element by element instead of replaced. */
  readonly merge: boolean;
  /** Objects (list elements, or the member itself) lose the keys a patch does not retain. */
  readonly retainKeys: boolean;
  /** The member is replaced as a whole. */
  readonly replace: boolean;
  /** Of list elements that are objects; absent for lists of scalars. */
  readonly mergeKey: string | undefined;
  /** Of the member, or of its elements. */
  readonly schema: MergeSchema | undefined;
}

/** The merged members of an object; what is not named here merges as in a JSON merge patch. */
export interface MergeSchema {
  field(name: string): MergeField | undefined;
}

/** The merge schema of a built-in kind; undefined for custom resources, which take no strategic merge patch. */
export function mergeSchemaFor(type: { apiVersion: string; kind: string }): MergeSchema | undefined {
  const name = kinds[`${type.apiVersion}/${type.kind}`];
  return name === undefined ? undefined : schemaOf(name);
}

function schemaOf(name: string): MergeSchema | undefined {
  const text = types[name];
  if (text === undefined) return undefined;
  let fields: ReadonlyMap<string, MergeField> | undefined;
  return {
    field(member) {
      fields ??= parseFields(text);
      return fields.get(member);
    },
  };
}

/** Entries are `name:type:strategy:mergeKey`; `[` marks lists and `{` maps. */
function parseFields(text: string): ReadonlyMap<string, MergeField> {
  const entries = text.split(' ').map((entry): readonly [string, MergeField] => {
    const [name = '', type = '', strategy = '', mergeKey = ''] = entry.split(':');
    const shape = type.startsWith('[') ? 'list' : type.startsWith('{') ? 'map' : 'value';
    const strategies = strategy.split(',');
    const child = shape === 'value' ? type : type.slice(1);
    let schema: MergeSchema | undefined;
    return [
      name,
      {
        shape,
        merge: strategies.includes('merge'),
        retainKeys: strategies.includes('retainKeys'),
        replace: strategies.includes('replace'),
        mergeKey: mergeKey === '' ? undefined : mergeKey,
        get schema() {
          schema ??= child === '' ? undefined : schemaOf(child);
          return schema;
        },
      },
    ];
  });
  return new Map(entries);
}
