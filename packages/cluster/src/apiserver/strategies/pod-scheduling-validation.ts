/** Validation of what says where a pod may run: tolerations, affinity, spread, gates and host names. */

import { isRecord, type UnknownRecord } from '@towpath/kit';
import { cause, type StatusCause } from '../http/status.ts';
import { addressProblem, labelProblem, qualifiedNameProblem, subdomainProblem } from '../names.ts';
import { labelKeyCauses } from './match-label-keys.ts';
import type { PodSpecView } from './pod-spec-types.ts';

/** The causes for which the scheduling members of a specification at `path` are refused. */
export function validateScheduling(spec: PodSpecView, path: string): StatusCause[] {
  return [
    ...Object.keys(spec.nodeSelector ?? {}).flatMap((key) => named(`${path}.nodeSelector`, key, qualifiedNameProblem)),
    ...named(`${path}.nodeName`, spec.nodeName, subdomainProblem),
    ...named(`${path}.hostname`, spec.hostname, labelProblem),
    ...named(`${path}.subdomain`, spec.subdomain, labelProblem),
    ...recordsOf(spec.hostAliases).flatMap((alias, index) =>
      named(`${path}.hostAliases[${index}].ip`, textOf(alias['ip']), addressProblem),
    ),
    ...recordsOf(spec.readinessGates).flatMap((gate, index) =>
      named(`${path}.readinessGates[${index}].conditionType`, textOf(gate['conditionType']), qualifiedNameProblem),
    ),
    ...(spec.tolerations ?? []).flatMap((toleration, index) =>
      validateToleration(toleration, `${path}.tolerations[${index}]`),
    ),
    ...recordsOf(spec.topologySpreadConstraints).flatMap((constraint, index, all) =>
      validateSpread(constraint, `${path}.topologySpreadConstraints[${index}]`, all.slice(index + 1)),
    ),
    ...validateAffinity(spec.affinity, `${path}.affinity`),
  ];
}

function named(field: string, value: string | undefined, check: (name: string) => string | undefined): StatusCause[] {
  if (value === undefined || value === '') return [];
  const problem = check(value);
  return problem === undefined ? [] : [cause.invalid(field, value, problem)];
}

const effects = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];

type Toleration = NonNullable<PodSpecView['tolerations']>[number];

function validateToleration(toleration: Toleration, path: string): StatusCause[] {
  const { key = '', operator = '', effect = '', value = '', tolerationSeconds } = toleration;
  const causes = named(`${path}.key`, key, qualifiedNameProblem);
  if (key === '' && operator !== 'Exists') {
    const detail = 'operator must be Exists when `key` is empty, which means "match all values and all keys"';
    causes.push(cause.invalid(`${path}.operator`, operator, detail));
  }
  if (tolerationSeconds !== undefined && effect !== 'NoExecute') {
    const detail = "effect must be 'NoExecute' when `tolerationSeconds` is set";
    causes.push(cause.invalid(`${path}.effect`, effect, detail));
  }
  if (operator === 'Exists' && value !== '') {
    causes.push(cause.invalid(`${path}.operator`, value, "value must be empty when `operator` is 'Exists'"));
  }
  if (!['', 'Exists', 'Equal'].includes(operator)) {
    causes.push(cause.notSupported(`${path}.operator`, operator, ['Equal', 'Exists']));
  }
  if (effect !== '' && !effects.includes(effect)) {
    causes.push(cause.notSupported(`${path}.effect`, effect, effects, 'given'));
  }
  return causes;
}

function validateSpread(constraint: UnknownRecord, path: string, rest: readonly UnknownRecord[]): StatusCause[] {
  const causes: StatusCause[] = [];
  const { maxSkew, topologyKey, whenUnsatisfiable } = constraint;
  if (Number(maxSkew ?? 0) <= 0)
    causes.push(cause.invalid(`${path}.maxSkew`, maxSkew ?? 0, 'must be greater than zero'));
  if ((topologyKey ?? '') === '') causes.push(cause.required(`${path}.topologyKey`, 'can not be empty'));
  const actions = ['DoNotSchedule', 'ScheduleAnyway'];
  if (!actions.includes(String(whenUnsatisfiable))) {
    causes.push(cause.notSupported(`${path}.whenUnsatisfiable`, whenUnsatisfiable ?? '', actions));
  }
  const isSame = (other: UnknownRecord): boolean =>
    other['topologyKey'] === topologyKey && other['whenUnsatisfiable'] === whenUnsatisfiable;
  if (rest.some(isSame)) {
    const pair = `{${String(topologyKey)}, ${String(whenUnsatisfiable)}}`;
    causes.push(cause.duplicate(`${path}.{topologyKey, whenUnsatisfiable}`, pair));
  }
  return [...causes, ...domainCauses(constraint, path), ...labelKeyCauses(constraint, path)];
}

/** Which nodes count as domains. */
function domainCauses(constraint: UnknownRecord, path: string): StatusCause[] {
  const causes: StatusCause[] = [];
  const { minDomains, whenUnsatisfiable } = constraint;
  if (typeof minDomains === 'number') {
    const field = `${path}.minDomains`;
    if (minDomains <= 0) causes.push(cause.invalid(field, minDomains, 'must be greater than zero'));
    if (whenUnsatisfiable !== 'DoNotSchedule') {
      const detail = `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${String(whenUnsatisfiable)}`;
      causes.push(cause.invalid(field, minDomains, detail));
    }
  }
  for (const name of ['nodeAffinityPolicy', 'nodeTaintsPolicy']) {
    const policy = constraint[name];
    if (policy === undefined || policy === 'Honor' || policy === 'Ignore') continue;
    causes.push(cause.notSupported(`${path}.${name}`, policy, ['Honor', 'Ignore']));
  }
  return causes;
}

const required = 'requiredDuringSchedulingIgnoredDuringExecution';
const preferred = 'preferredDuringSchedulingIgnoredDuringExecution';

function validateAffinity(affinity: unknown, path: string): StatusCause[] {
  if (!isRecord(affinity)) return [];
  const { nodeAffinity, podAffinity, podAntiAffinity } = affinity;
  const causes = isRecord(nodeAffinity) ? validateNodeAffinity(nodeAffinity, `${path}.nodeAffinity`) : [];
  for (const [name, terms] of Object.entries({ podAffinity, podAntiAffinity })) {
    if (isRecord(terms)) causes.push(...validatePodAffinity(terms, `${path}.${name}`));
  }
  return causes;
}

function validateNodeAffinity(affinity: UnknownRecord, path: string): StatusCause[] {
  const selector = affinity[required];
  const causes: StatusCause[] = [];
  if (isRecord(selector)) {
    const terms = recordsOf(selector['nodeSelectorTerms']);
    const at = `${path}.${required}.nodeSelectorTerms`;
    if (terms.length === 0) causes.push(cause.required(at, 'must have at least one node selector term'));
    causes.push(...terms.flatMap((term, index) => validateTerm(term, `${at}[${index}]`)));
  }
  for (const [index, term] of recordsOf(affinity[preferred]).entries()) {
    const at = `${path}.${preferred}[${index}]`;
    causes.push(...validateWeight(term, at));
    if (isRecord(term['preference'])) causes.push(...validateTerm(term['preference'], `${at}.preference`));
  }
  return causes;
}

function validateTerm(term: UnknownRecord, path: string): StatusCause[] {
  return recordsOf(term['matchExpressions']).flatMap((expression, index) => {
    const at = `${path}.matchExpressions[${index}]`;
    const operator = textOf(expression['operator']) ?? '';
    const values = Array.isArray(expression['values']) ? expression['values'] : [];
    const keyed = named(`${at}.key`, textOf(expression['key']), qualifiedNameProblem);
    switch (operator) {
      case 'In':
      case 'NotIn':
        if (values.length > 0) return keyed;
        return [cause.required(`${at}.values`, "must be specified when `operator` is 'In' or 'NotIn'"), ...keyed];
      case 'Exists':
      case 'DoesNotExist':
        if (values.length === 0) return keyed;
        return [
          cause.forbidden(`${at}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"),
          ...keyed,
        ];
      case 'Gt':
      case 'Lt':
        if (values.length === 1) return keyed;
        return [
          cause.required(`${at}.values`, "must be specified single value when `operator` is 'Lt' or 'Gt'"),
          ...keyed,
        ];
      default:
        return [cause.invalid(`${at}.operator`, operator, 'not a valid selector operator'), ...keyed];
    }
  });
}

function validatePodAffinity(affinity: UnknownRecord, path: string): StatusCause[] {
  const terms = recordsOf(affinity[required]).flatMap((term, index) =>
    validatePodTerm(term, `${path}.${required}[${index}]`),
  );
  const weighted = recordsOf(affinity[preferred]).flatMap((term, index) => {
    const at = `${path}.${preferred}[${index}]`;
    const inner = term['podAffinityTerm'];
    return [...validateWeight(term, at), ...(isRecord(inner) ? validatePodTerm(inner, `${at}.podAffinityTerm`) : [])];
  });
  return [...terms, ...weighted];
}

function validateWeight(term: UnknownRecord, path: string): StatusCause[] {
  const weight = Number(term['weight'] ?? 0);
  return weight >= 1 && weight <= 100 ? [] : [cause.invalid(`${path}.weight`, weight, 'must be in the range 1-100')];
}

function validatePodTerm(term: UnknownRecord, path: string): StatusCause[] {
  return [...labelKeyCauses(term, path), ...validateTopology(term, path)];
}

function validateTopology(term: UnknownRecord, path: string): StatusCause[] {
  const key = textOf(term['topologyKey']) ?? '';
  const field = `${path}.topologyKey`;
  if (key !== '') return named(field, key, qualifiedNameProblem);
  const rule = qualifiedNameProblem(' ') ?? '';
  return [
    cause.required(field, 'can not be empty'),
    cause.invalid(field, '', 'name part must be non-empty'),
    cause.invalid(field, '', rule),
  ];
}

function recordsOf(value: unknown): UnknownRecord[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
