/** What differs between the drafts of JSON Schema before any keyword is read. */

import type { DraftVersion } from './types.ts';

/** Where schemas stand below a schema: `*` is any key, `[]` any index. */
const draft4: readonly string[] = [
  'definitions/*',
  'not',
  'allOf/[]',
  'anyOf/[]',
  'oneOf/[]',
  'properties/*',
  'additionalProperties',
  'patternProperties/*',
  'items',
  'items/[]',
  'additionalItems',
  'dependencies/*',
];
const draft6 = [...draft4, 'propertyNames', 'contains'];
const draft7 = [...draft6, 'if', 'then', 'else'];
const draft2019 = [
  ...draft7,
  '$defs/*',
  'dependentSchemas/*',
  'unevaluatedProperties',
  'unevaluatedItems',
  'contentSchema',
];

const places: ReadonlyMap<DraftVersion, readonly string[]> = new Map([
  [4, draft4],
  [6, draft6],
  [7, draft7],
  [2019, draft2019],
  [2020, [...draft2019, 'prefixItems/[]']],
]);

/** The paths to the schemas below a schema. */
export function schemaPlaces(draft: DraftVersion): readonly string[] {
  return places.get(draft) ?? [];
}

/** The keyword that names a resource. */
export function idKeyword(draft: DraftVersion): string {
  return draft === 4 ? 'id' : '$id';
}

/** The draft a `$schema` names; undefined for one that is not known. */
export function draftOf(schemaUrl: string): DraftVersion | undefined {
  const [url = '', ...fragment] = schemaUrl.split('#');
  if (fragment.join('#') !== '') return undefined;
  switch (url.replace(/^https?:\/\//, '')) {
    case 'json-schema.org/schema':
    case 'json-schema.org/draft/2020-12/schema':
      return 2020;
    case 'json-schema.org/draft/2019-09/schema':
      return 2019;
    case 'json-schema.org/draft-07/schema':
      return 7;
    case 'json-schema.org/draft-06/schema':
      return 6;
    case 'json-schema.org/draft-04/schema':
      return 4;
    default:
      return undefined;
  }
}

/** Such as `https://json-schema.org/draft/2020-12/schema`. */
export function draftUrl(draft: DraftVersion): string {
  if (draft >= 2019) return `https://json-schema.org/draft/${draft === 2019 ? '2019-09' : '2020-12'}/schema`;
  return `http://json-schema.org/draft-0${draft}/schema`;
}
