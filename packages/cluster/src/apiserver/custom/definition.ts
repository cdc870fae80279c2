/** A CustomResourceDefinition as served resources. */

import type { AnyObject } from '@towpath/api';
import { getIn, isRecord, type UnknownRecord } from '@towpath/kit';
import type { CustomResource, PrinterColumn, Resource, Subresource } from '../resources/resource.ts';
import type { TypeTable } from '../schema/type-table.ts';
import { applySchemaDefaults, hasDefaults, removeNulls } from './defaults.ts';
import type { JsonSchema } from './json-schema.ts';
import { pruneObject } from './prune.ts';
import { rootSchema, viewOfRoot } from './schema-view.ts';
import { compileRules, hasRules } from './rules.ts';
import type { StatusCause } from '../http/status.ts';
import { validateValue } from './validate.ts';

const verbs = ['delete', 'deletecollection', 'get', 'list', 'patch', 'create', 'update', 'watch'];
const subresourceVerbs = ['get', 'patch', 'update'];

interface Version {
  readonly name: string;
  readonly served: boolean;
  readonly storage: boolean;
  readonly deprecated?: boolean;
  readonly deprecationWarning?: string;
  readonly schema?: { readonly openAPIV3Schema?: JsonSchema };
  readonly subresources?: { readonly status?: unknown; readonly scale?: CustomResource['scale'] };
  readonly additionalPrinterColumns?: readonly PrinterColumn[];
  readonly selectableFields?: readonly { readonly jsonPath: string }[];
}

/** The resources of every served version, the storage version's objects as the kept form. */
export function resourcesOf(definition: AnyObject, types: TypeTable): Resource[] {
  const spec = isRecord(definition['spec']) ? definition['spec'] : {};
  const names = isRecord(spec['names']) ? spec['names'] : {};
  const group = String(spec['group']);
  const plural = String(names['plural']);
  const kind = String(names['kind']);
  const versions = versionsOf(definition);
  const storage = versions.find((version) => version.storage)?.name ?? '';
  return versions
    .filter((version) => version.served)
    .sort((left, right) => compareVersions(left.name, right.name))
    .map((version) => ({
      group,
      version: version.name,
      apiVersion: `${group}/${version.name}`,
      plural,
      kind,
      listKind: String(names['listKind'] ?? `${kind}List`),
      singular: String(names['singular'] ?? kind.toLowerCase()),
      namespaced: spec['scope'] === 'Namespaced',
      verbs,
      shortNames: textList(names['shortNames']),
      categories: textList(names['categories']),
      subresources: subresourcesOf(version, { group, kind }),
      collection: `${group}/${plural}`,
      hub: `${group}/${storage}`,
      schema: rootSchema(types),
      custom: customOf(definition, version, types),
    }));
}

/** The versions of a definition as they are written. */
function versionsOf(definition: AnyObject): readonly Version[] {
  const versions = getIn(definition, ['spec', 'versions']);
  return Array.isArray(versions) ? (versions as Version[]) : [];
}

function textList(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

function subresourcesOf(version: Version, own: { group: string; kind: string }): Map<string, Subresource> {
  const result = new Map<string, Subresource>();
  if (version.subresources?.status !== undefined) {
    result.set('status', {
      name: 'status',
      kind: own.kind,
      group: own.group,
      version: version.name,
      verbs: subresourceVerbs,
    });
  }
  if (version.subresources?.scale !== undefined) {
    result.set('scale', { name: 'scale', kind: 'Scale', group: 'autoscaling', version: 'v1', verbs: subresourceVerbs });
  }
  return result;
}

function customOf(definition: AnyObject, version: Version, types: TypeTable): CustomResource {
  const schema: JsonSchema = version.schema?.openAPIV3Schema ?? {
    type: 'object',
    'x-kubernetes-preserve-unknown-fields': true,
  };
  const keepsUnknown = getIn(definition, ['spec', 'preserveUnknownFields']) === true;
  const { scale } = version.subresources ?? {};
  const rules = compileRules(schema);
  return {
    definitionUid: definition.metadata.uid ?? '',
    prune: (object) => (keepsUnknown ? [] : pruneObject(object, schema)),
    applyDefaults: (object) => {
      removeNulls(object, schema);
      applySchemaDefaults(object, schema);
    },
    defaulted: defaultsOnRead(schema),
    validate: (object, old, warn) => {
      const causes = validateValue(withoutMetadata(object), schema, '');
      if (causes.some(({ reason }) => blocking.has(reason))) return hasRules(schema) ? [...causes, notChecked] : causes;
      const found = rules(object, old);
      for (const warning of found.warnings) warn(warning);
      return [...causes, ...found.causes];
    },
    hasStatus: version.subresources?.status !== undefined,
    deprecation: deprecationOf(definition, version),
    ...(scale === undefined ? {} : { scale }),
    columns: version.additionalPrinterColumns ?? [],
    selectableFields: (version.selectableFields ?? []).map((field) => field.jsonPath.replace(/^\./, '')),
    openApi: schema,
    applySchema: viewOfRoot(schema, types),
  };
}

function deprecationOf(definition: AnyObject, version: Version): string | undefined {
  if (version.deprecated !== true) return undefined;
  const [group, kind] = [
    ['spec', 'group'],
    ['spec', 'names', 'kind'],
  ].map((path) => String(getIn(definition, path)));
  return version.deprecationWarning ?? `${group ?? ''}/${version.name} ${kind ?? ''} is deprecated`;
}

/** Errors after which rules are not evaluated. Source: apiextensions-apiserver, hasBlockingErr. */
const blocking: ReadonlySet<string> = new Set([
  'FieldValueRequired',
  'FieldValueTypeInvalid',
  'FieldValueNotSupported',
  'FieldValueTooLong',
  'FieldValueTooMany',
]);
const notChecked: StatusCause = {
  reason: 'FieldValueInvalid',
  message:
    'Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation',
  field: '<nil>',
};

/** Objects stored before a default was defined show it when they are read. Stored objects are never changed in place. */
function defaultsOnRead(schema: JsonSchema): CustomResource['defaulted'] {
  if (!hasDefaults(schema)) return () => undefined;
  const known = new WeakMap<AnyObject, { object: AnyObject; json: string }>();
  return (object) => {
    const made = known.get(object);
    if (made !== undefined) return made;
    const copy = structuredClone(object);
    applySchemaDefaults(copy, schema);
    const read = { object: copy, json: JSON.stringify(copy) };
    known.set(object, read);
    return read;
  };
}

function withoutMetadata(object: UnknownRecord): UnknownRecord {
  const { metadata: _metadata, ...rest } = object;
  return { metadata: {}, ...rest };
}

const versionPattern = /^v(\d+)(?:(alpha|beta)(\d+))?$/;

/** v2 before v1 before v2beta1 before v1alpha1, others last by name. Source: apimachinery pkg/version. */
export function compareVersions(left: string, right: string): number {
  const first = versionPattern.exec(left);
  const second = versionPattern.exec(right);
  if (first === null || second === null) {
    if (first === second) return left < right ? -1 : 1;
    return first === null ? 1 : -1;
  }
  const stability = (match: RegExpExecArray): number => (match[2] === undefined ? 2 : match[2] === 'beta' ? 1 : 0);
  const number = (match: RegExpExecArray, at: number): number => Number(match[at] ?? 0);
  return (
    stability(second) - stability(first) || number(second, 1) - number(first, 1) || number(second, 3) - number(first, 3)
  );
}
