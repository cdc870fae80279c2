/** CustomResourceDefinitions: names, versions and the conditions that say they are served. */

import type { AnyObject, Condition } from '@towpath/api';
import { setCondition } from '@towpath/api';
import { getIn, isRecord, type UnknownRecord } from '@towpath/kit';
import type { JsonSchema } from '../custom/json-schema.ts';
import { ruleProblems } from '../custom/rules.ts';
import { cause, type StatusCause } from '../http/status.ts';
import { label1035Problem, subdomainProblem } from '../names.ts';
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
  for (const version of listOf(spec['versions'])) {
    for (const column of listOf(version['additionalPrinterColumns'])) column['priority'] ??= 0;
  }
}

function listOf(value: unknown): UnknownRecord[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
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
  for (const { object: other } of context.store.collection('apiextensions.k8s.io/customresourcedefinitions').list()) {
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
  const stored = listOf(specOf(object)['versions']).find((version) => version['storage'] === true)?.['name'];
  const before = Array.isArray(oldStatus['storedVersions']) ? oldStatus['storedVersions'] : [];
  object['status'] = {
    conditions,
    acceptedNames: taken === undefined ? namesOf(object) : (oldStatus['acceptedNames'] ?? { plural: '', kind: '' }),
    storedVersions: before.includes(stored) ? before : [...before, stored],
  };
}

function validate(object: AnyObject): StatusCause[] {
  const causes: StatusCause[] = [];
  const spec = specOf(object);
  const names = namesOf(object);
  const group = String(spec['group'] ?? '');
  if (group === '') causes.push(cause.required('spec.group'));
  else {
    const problem = subdomainProblem(group);
    if (problem !== undefined) causes.push(cause.invalid('spec.group', group, problem));
    else if (!group.includes('.'))
      causes.push(cause.invalid('spec.group', group, 'should be a domain with at least one dot'));
  }
  for (const name of ['plural', 'kind'] as const) {
    const value = String(names[name] ?? '');
    if (value === '') causes.push(cause.required(`spec.names.${name}`));
    else {
      const problem = label1035Problem(value.toLowerCase());
      if (problem !== undefined) causes.push(cause.invalid(`spec.names.${name}`, value, problem));
    }
  }
  const wanted = `${String(names['plural'] ?? '')}.${group}`;
  if (object.metadata.name !== wanted) {
    causes.push(cause.invalid('metadata.name', object.metadata.name, `must be spec.names.plural+"."+spec.group`));
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
    const path = `spec.versions[${index}].schema.openAPIV3Schema`;
    const schema = getIn(version, ['schema', 'openAPIV3Schema']);
    if (schema === undefined) causes.push(cause.required(path, 'schemas are required'));
    else if (getIn(schema, ['type']) !== 'object') {
      causes.push(cause.invalid(`${path}.type`, getIn(schema, ['type']) ?? '', 'must be object at the root'));
    } else causes.push(...ruleProblems(schema as JsonSchema, path));
  });
  const strategy = getIn(object, ['spec', 'conversion', 'strategy']);
  if (strategy !== 'None') {
    const why =
      'towpath converts custom resources with strategy None only: serve one version or versions of the same shape';
    causes.push(cause.invalid('spec.conversion.strategy', strategy ?? '', why));
  }
  return causes;
}

/** Strategy of customresourcedefinitions. */
export const customResourceDefinition: Strategy = {
  generation: true,
  deleteFinalizers: [cleanupFinalizer],
  defaults: applyDefaults,
  prepareCreate: (object, context) => setStatus(object, undefined, context),
  prepareUpdate: (object, old, context) => setStatus(object, old, context),
  validate,
  validateUpdate: (object, old) => {
    const causes: StatusCause[] = [];
    if (specOf(object)['scope'] !== specOf(old)['scope'])
      causes.push(cause.invalid('spec.scope', specOf(object)['scope'], 'field is immutable'));
    if (specOf(object)['group'] !== specOf(old)['group'])
      causes.push(cause.invalid('spec.group', specOf(object)['group'], 'field is immutable'));
    return causes;
  },
};
