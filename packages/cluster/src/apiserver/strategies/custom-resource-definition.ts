/** CustomResourceDefinitions: names, versions and the conditions that say they are served. */

import type { AnyObject, Condition } from '@towpath/api';
import { setCondition } from '@towpath/api';
import { getIn, isRecord, type UnknownRecord } from '@towpath/kit';
import type { JsonSchema } from '../custom/json-schema.ts';
import { ruleProblems } from '../custom/rule-problems.ts';
import { structuralProblems } from '../custom/structural.ts';
import { cause, type StatusCause } from '../http/status.ts';
import { label1035Problem, subdomainProblem } from '../names.ts';
import { approvalCondition, approvalProblems } from './api-approval.ts';
import type { Strategy, StrategyContext } from './strategy.ts';

/** Holds a definition back until its objects are deleted. */
export const cleanupFinalizer = 'customresourcecleanup.apiextensions.k8s.io';

function specOf(object: AnyObject): UnknownRecord {
  return isRecord(object['spec']) ? object['spec'] : {};
}

function namesOf(object: AnyObject): UnknownRecord {
  const { names } = specOf(object);
  return isRecord(names) ? names : {};
}

function applyDefaults(object: AnyObject): void {
  const spec = specOf(object);
  const names = namesOf(object);
  const kind = String(names['kind'] ?? '');
  if ((names['singular'] ?? '') === '') names['singular'] = kind.toLowerCase();
  if ((names['listKind'] ?? '') === '' && kind !== '') names['listKind'] = `${kind}List`;
  spec['conversion'] ??= { strategy: 'None' };
}

function listOf(value: unknown): UnknownRecord[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}

const collection = 'apiextensions.k8s.io/customresourcedefinitions';

/** The definition of that name as it is; undefined for a new one. */
function stored({ metadata: { name } }: AnyObject, { store }: StrategyContext): AnyObject | undefined {
  return store
    .collection(collection)
    .list()
    .find(({ object }) => object.metadata.name === name)?.object;
}

/** What another definition of the group already uses. */
function nameConflict(object: AnyObject, context: StrategyContext): string | undefined {
  const group = specOf(object)['group'];
  const own = namesOf(object);
  const used = (names: UnknownRecord): unknown[] => [
    names['plural'],
    names['singular'],
    ...(Array.isArray(names['shortNames']) ? names['shortNames'] : []),
  ];
  for (const { object: other } of context.store.collection(collection).list()) {
    if (other.metadata.name === object.metadata.name || specOf(other)['group'] !== group) continue;
    const names = namesOf(other);
    const taken = used(own).find((name) => name !== undefined && used(names).includes(name));
    if (taken !== undefined) return `${JSON.stringify(taken)} is already in use`;
    if (own['kind'] === names['kind'] || own['listKind'] === names['listKind'])
      return `${JSON.stringify(own['kind'])} is already in use`;
  }
  return undefined;
}

/** Writes status.conditions, acceptedNames and storedVersions. */
function setStatus(object: AnyObject, old: AnyObject | undefined, context: StrategyContext): void {
  // Of a write to anything but the status it is the old one already.
  const oldStatus = [object['status'], old?.['status']].find(isRecord) ?? {};
  const taken = nameConflict(object, context);
  let conditions = oldStatus['conditions'] as Condition[] | undefined;
  const approval = approvalCondition(object);
  if (approval !== undefined) conditions = setCondition(conditions, approval, context.nowMs);
  const accepted: Omit<Condition, 'lastTransitionTime'> =
    taken === undefined
      ? { type: 'NamesAccepted', status: 'True', reason: 'NoConflicts', message: 'no conflicts found' }
      : { type: 'NamesAccepted', status: 'False', reason: 'ListKindConflict', message: taken };
  conditions = setCondition(conditions, accepted, context.nowMs);
  const established: Omit<Condition, 'lastTransitionTime'> =
    taken === undefined
      ? {
          type: 'Established',
          status: 'True',
          reason: 'InitialNamesAccepted',
          message: 'the initial names have been accepted',
        }
      : { type: 'Established', status: 'False', reason: 'NotAccepted', message: 'not all names are accepted' };
  conditions = setCondition(conditions, established, context.nowMs);
  const storage = listOf(specOf(object)['versions']).find((version) => version['storage'] === true)?.['name'];
  const before = Array.isArray(oldStatus['storedVersions']) ? oldStatus['storedVersions'] : [];
  object['status'] = {
    conditions,
    acceptedNames: taken === undefined ? namesOf(object) : (oldStatus['acceptedNames'] ?? { plural: '', kind: '' }),
    storedVersions: before.includes(storage) ? before : [...before, storage],
  };
}

function validate(object: AnyObject): StatusCause[] {
  const causes: StatusCause[] = [];
  const spec = specOf(object);
  const names = namesOf(object);
  const group = String(spec['group'] ?? '');
  const wanted = `${String(names['plural'] ?? '')}.${group}`;
  if (object.metadata.name !== wanted) {
    causes.push(cause.invalid('metadata.name', object.metadata.name, `must be spec.names.plural+"."+spec.group`));
  }
  if (group === '') causes.push(cause.required('spec.group'));
  else {
    const problem = subdomainProblem(group);
    if (problem !== undefined) causes.push(cause.invalid('spec.group', group, problem));
    else if (!group.includes('.'))
      causes.push(cause.invalid('spec.group', group, 'should be a domain with at least one dot'));
  }
  for (const name of ['plural', 'singular', 'kind'] as const) {
    const value = String(names[name] ?? '');
    if (value === '') causes.push(cause.required(`spec.names.${name}`));
    else {
      const problem = label1035Problem(value.toLowerCase());
      const mixed = name === 'kind' ? 'may have mixed case, but should otherwise match: ' : '';
      if (problem !== undefined) causes.push(cause.invalid(`spec.names.${name}`, value, `${mixed}${problem}`));
    }
  }
  if (!['Namespaced', 'Cluster'].includes(String(spec['scope']))) {
    causes.push(cause.notSupported('spec.scope', spec['scope'] ?? '', ['Cluster', 'Namespaced']));
  }
  return [...causes, ...validateVersions(object)];
}

function validateVersions(object: AnyObject): StatusCause[] {
  const causes: StatusCause[] = [];
  const versions = listOf(specOf(object)['versions']);
  const storage = versions.filter((version) => version['storage'] === true);
  if (storage.length !== 1) {
    causes.push(
      cause.invalid(
        'spec.versions',
        versions.map((version) => version['name']),
        'must have exactly one version marked as storage version',
      ),
    );
  }
  versions.forEach((version, index) => {
    // What all versions share is named as if it stood above them: with one version, everything.
    const isOnly = versions.length === 1;
    const above = isOnly ? 'spec' : `spec.versions[${index}]`;
    const schema = getIn(version, ['schema', 'openAPIV3Schema']);
    causes.push(...columnProblems(version, above), ...scaleProblems(version, above));
    const path = isOnly ? 'spec.validation.openAPIV3Schema' : `${above}.schema.openAPIV3Schema`;
    if (schema === undefined) causes.push(cause.required(`spec.versions[${index}].schema.openAPIV3Schema`));
    else if (getIn(schema, ['type']) !== 'object') {
      causes.push(cause.invalid(`${path}.type`, getIn(schema, ['type']) ?? '', 'must be object at the root'));
    } else {
      const structural = structuralProblems(schema as JsonSchema, path);
      causes.push(...(structural.length > 0 ? structural : ruleProblems(schema as JsonSchema, path)));
    }
  });
  if (specOf(object)['preserveUnknownFields'] === true) {
    const why =
      'cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead';
    causes.push(cause.invalid('spec.preserveUnknownFields', true, why));
  }
  const strategy = getIn(object, ['spec', 'conversion', 'strategy']);
  if (strategy !== 'None') {
    const why =
      'towpath converts custom resources with strategy None only: serve one version or versions of the same shape';
    causes.push(cause.invalid('spec.conversion.strategy', strategy ?? '', why));
  }
  return causes;
}

const columnTypes = ['boolean', 'date', 'integer', 'number', 'string'];

function columnProblems(version: UnknownRecord, above: string): StatusCause[] {
  return listOf(version['additionalPrinterColumns']).flatMap((column, index) => {
    const path = `${above}.additionalPrinterColumns[${index}]`;
    const [type, jsonPath] = [String(column['type'] ?? ''), String(column['jsonPath'] ?? '')];
    const causes: StatusCause[] = [];
    if (!columnTypes.includes(type)) {
      causes.push(cause.invalid(`${path}.type`, type, `must be one of ${columnTypes.join(',')}`));
    }
    if (!/^[.[]/.test(jsonPath)) {
      causes.push(cause.invalid(`${path}.JSONPath`, jsonPath, 'must be a simple json path starting with .'));
    }
    return causes;
  });
}

function scaleProblems(version: UnknownRecord, above: string): StatusCause[] {
  const scale = getIn(version, ['subresources', 'scale']);
  if (!isRecord(scale)) return [];
  const rules = { specReplicasPath: '.spec', statusReplicasPath: '.status' };
  return Object.entries(rules).flatMap(([name, start]) => {
    const value = String(scale[name] ?? '');
    if (value.startsWith(`${start}.`)) return [];
    return [cause.invalid(`${above}.subresources.scale.${name}`, value, `should be a json path under ${start}`)];
  });
}

/** Strategy of customresourcedefinitions. */
export const customResourceDefinition: Strategy = {
  generation: true,
  deleteFinalizers: [cleanupFinalizer],
  defaults: applyDefaults,
  prepareCreate: (object, context) => setStatus(object, undefined, context),
  prepareUpdate: (object, old, context) => setStatus(object, old, context),
  validate,
  validateStored: (object, context) => approvalProblems(object, stored(object, context)),
  validateUpdate: (object, old) => {
    const causes: StatusCause[] = [];
    if (specOf(object)['scope'] !== specOf(old)['scope'])
      causes.push(cause.invalid('spec.scope', specOf(object)['scope'], 'field is immutable'));
    if (specOf(object)['group'] !== specOf(old)['group'])
      causes.push(cause.invalid('spec.group', specOf(object)['group'], 'field is immutable'));
    return causes;
  },
};
