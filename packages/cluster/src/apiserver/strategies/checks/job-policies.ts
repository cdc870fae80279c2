/** Validation of what a Job says about failures and success. Source: pkg/apis/batch/validation/validation.go. */

import { isRecord } from '@towpath/kit';
import { cause, type StatusCause } from '../../http/status.ts';
import { qualifiedNameProblem, subdomainProblem } from '../../names.ts';
import { at, listAt, nonNegative, oneOf, textAt } from './rules.ts';

/** Rules in one policy, and conditions in one rule. */
const rulesMax = 20;
const exitCodesMax = 255;
const managedByMax = 63;
const indexesTextMaxBytes = 65_536;
/** Parallelism and failed indexes of an indexed Job; completions up to which they are not limited further. */
const indexedMax = 100_000;
const manyCompletionsMax = 10_000;

/** `path` leads to the spec of the Job. */
export function validateJobPolicies(object: unknown, path: string): StatusCause[] {
  const isIndexed = textAt(object, `${path}.completionMode`) === 'Indexed';
  const causes = [
    ...nonNegative(object, `${path}.backoffLimitPerIndex`, `${path}.maxFailedIndexes`),
    ...perIndexCauses(object, path),
    ...managedByCauses(textAt(object, `${path}.managedBy`), `${path}.managedBy`, at(object, `${path}.managedBy`)),
    ...(isIndexed ? indexedCauses(object, path) : unindexedCauses(object, path)),
  ];
  if (at(object, `${path}.podFailurePolicy`) !== undefined) causes.push(...failurePolicyCauses(object, path));
  if (at(object, `${path}.successPolicy`) !== undefined && isIndexed) causes.push(...successPolicyCauses(object, path));
  return [...causes, ...replacementCauses(object, path)];
}

function perIndexCauses(object: unknown, path: string): StatusCause[] {
  const isMissing =
    at(object, `${path}.maxFailedIndexes`) !== undefined && at(object, `${path}.backoffLimitPerIndex`) === undefined;
  return isMissing ? [cause.required(`${path}.backoffLimitPerIndex`, 'when maxFailedIndexes is specified')] : [];
}

function managedByCauses(name: string, field: string, value: unknown): StatusCause[] {
  if (value === undefined) return [];
  if (name === '') return [cause.required(field)];
  const [host = '', ...rest] = name.split('/');
  const causes: StatusCause[] = [];
  if (host === '' || rest.join('/') === '') {
    causes.push(cause.invalid(field, name, 'must be a domain-prefixed path (such as "acme.io/foo")'));
  } else {
    const problem = subdomainProblem(host);
    if (problem !== undefined) causes.push(cause.invalid(field, host, problem));
    if (!/^[A-Za-z0-9/\-._~%!$&'()*+,;=:]+$/.test(rest.join('/'))) {
      const rule = "Invalid path (regex used for validation is '[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+')";
      causes.push(cause.invalid(field, rest.join('/'), rule));
    }
  }
  if (name.length > managedByMax) causes.push(cause.tooLong(field, managedByMax));
  return causes;
}

function indexedCauses(object: unknown, path: string): StatusCause[] {
  const numberAt = (name: string): number | undefined => {
    const value = at(object, `${path}.${name}`);
    return typeof value === 'number' ? value : undefined;
  };
  const [completions, parallelism, failed] = [
    numberAt('completions'),
    numberAt('parallelism') ?? 1,
    numberAt('maxFailedIndexes'),
  ];
  const causes: StatusCause[] = [];
  const over = (name: string, value: number, max: number, rest = ''): void => {
    if (value > max)
      causes.push(cause.invalid(`${path}.${name}`, value, `must be less than or equal to ${max}${rest}`));
  };
  if (completions === undefined) causes.push(cause.required(`${path}.completions`, 'when completion mode is Indexed'));
  over('parallelism', parallelism, indexedMax, ' when completion mode is Indexed');
  if (completions !== undefined && failed !== undefined && failed > completions) {
    causes.push(cause.invalid(`${path}.maxFailedIndexes`, failed, 'must be less than or equal to completions'));
  }
  over('maxFailedIndexes', failed ?? 0, indexedMax);
  if ((completions ?? 0) <= indexedMax || numberAt('backoffLimitPerIndex') === undefined) return causes;
  const detail = ` when completions are above ${indexedMax} and used with backoff limit per index`;
  if (failed === undefined) {
    const why = `must be specified when completions is above ${indexedMax}`;
    causes.push(cause.required(`${path}.maxFailedIndexes`, why));
  }
  over('parallelism', parallelism, manyCompletionsMax, detail);
  over('maxFailedIndexes', failed ?? 0, manyCompletionsMax, detail);
  return causes;
}

function unindexedCauses(object: unknown, path: string): StatusCause[] {
  const detail = 'requires indexed completion mode';
  const causes = ['backoffLimitPerIndex', 'maxFailedIndexes'].flatMap((name) => {
    const value = at(object, `${path}.${name}`);
    return value === undefined ? [] : [cause.invalid(`${path}.${name}`, value, detail)];
  });
  if (at(object, `${path}.successPolicy`) === undefined) return causes;
  const shown = successPolicyShown(at(object, `${path}.successPolicy`));
  return [...causes, cause.invalid(`${path}.successPolicy`, shown, detail)];
}

/** As messages show the value: by the names of the Go type. */
export function successPolicyShown(policy: unknown): unknown {
  const rules = listAt(policy, 'rules').map((rule) => ({
    SucceededIndexes: rule['succeededIndexes'] ?? null,
    SucceededCount: rule['succeededCount'] ?? null,
  }));
  return { Rules: rules.length === 0 ? null : rules };
}

/** As messages show the value: by the names of the Go type. */
export function failurePolicyShown(policy: unknown): unknown {
  const rules = listAt(policy, 'rules').map((rule) => {
    const codes = rule['onExitCodes'];
    const conditions = listAt(rule, 'onPodConditions').map(({ type, status }) => ({ Type: type, Status: status }));
    return {
      Action: rule['action'],
      OnExitCodes: isRecord(codes)
        ? { ContainerName: codes['containerName'] ?? null, Operator: codes['operator'], Values: codes['values'] }
        : null,
      OnPodConditions: conditions.length === 0 ? null : conditions,
    };
  });
  return { Rules: rules.length === 0 ? null : rules };
}

function failurePolicyCauses(object: unknown, path: string): StatusCause[] {
  const field = `${path}.podFailurePolicy.rules`;
  const rules = listAt(object, field);
  const names = ['containers', 'initContainers'].flatMap((list) =>
    listAt(object, `${path}.template.spec.${list}`).map((container) => String(container['name'])),
  );
  const isPerIndex = at(object, `${path}.backoffLimitPerIndex`) !== undefined;
  const causes = rules.length > rulesMax ? [cause.tooMany(field, rules.length, rulesMax)] : [];
  for (const [index, rule] of rules.entries()) {
    const here = `${field}[${index}]`;
    causes.push(...actionCauses(textAt(rule, 'action'), `${here}.action`, isPerIndex));
    const [codes, conditions] = [rule['onExitCodes'], listAt(rule, 'onPodConditions')];
    if (isRecord(codes)) causes.push(...exitCodeCauses(codes, `${here}.onExitCodes`, names));
    causes.push(...conditionCauses(conditions, `${here}.onPodConditions`));
    if (isRecord(codes) && conditions.length > 0) {
      causes.push(cause.bare(here, 'specifying both OnExitCodes and OnPodConditions is not supported'));
    }
    if (!isRecord(codes) && conditions.length === 0) {
      causes.push(cause.bare(here, 'specifying one of OnExitCodes and OnPodConditions is required'));
    }
  }
  const policy = textAt(object, `${path}.template.spec.restartPolicy`);
  if (policy !== 'OnFailure') return causes;
  const why = 'only "Never" is supported when podFailurePolicy is specified';
  return [...causes, cause.invalid(`${path}.template.spec.restartPolicy`, policy, why)];
}

const actions = ['Count', 'FailIndex', 'FailJob', 'Ignore'];

function actionCauses(action: string, field: string, isPerIndex: boolean): StatusCause[] {
  if (action === '') return [cause.required(field, `valid values: ${quotedList(actions)}`)];
  if (action === 'FailIndex' && !isPerIndex) {
    return [cause.invalid(field, action, 'requires the backoffLimitPerIndex to be set')];
  }
  return actions.includes(action) ? [] : [cause.notSupported(field, action, actions)];
}

function exitCodeCauses(rule: Record<string, unknown>, path: string, names: readonly string[]): StatusCause[] {
  const operators = ['In', 'NotIn'];
  const operator = textAt(rule, 'operator');
  const causes =
    operator === ''
      ? [cause.required(`${path}.operator`, `valid values: ${quotedList(operators)}`)]
      : oneOf(rule, 'operator', operators).map((each) => ({ ...each, field: `${path}.operator` }));
  const name = rule['containerName'];
  if (name !== undefined && !names.includes(String(name))) {
    const detail = 'must be one of the container or initContainer names in the pod template';
    causes.push(cause.invalid(`${path}.containerName`, name, detail));
  }
  const values = Array.isArray(rule['values']) ? rule['values'].map(Number) : [];
  const field = `${path}.values`;
  if (values.length === 0) causes.push(cause.invalid(field, rule['values'] ?? null, 'at least one value is required'));
  else if (values.length > exitCodesMax) causes.push(cause.tooMany(field, values.length, exitCodesMax));
  for (const [index, value] of values.entries()) {
    if (operator === 'In' && value === 0) {
      causes.push(cause.invalid(`${field}[${index}]`, value, 'must not be 0 for the In operator'));
    }
    if (values.indexOf(value) < index) causes.push(cause.duplicate(`${field}[${index}]`, value));
  }
  const isOrdered = values.every((value, index) => index === 0 || (values[index - 1] ?? value) <= value);
  return isOrdered ? causes : [...causes, cause.invalid(field, values, 'must be ordered')];
}

function conditionCauses(patterns: readonly Record<string, unknown>[], path: string): StatusCause[] {
  const causes = patterns.length > rulesMax ? [cause.tooMany(path, patterns.length, rulesMax)] : [];
  for (const [index, pattern] of patterns.entries()) {
    const type = textAt(pattern, 'type');
    const problem = qualifiedNameProblem(type);
    if (problem !== undefined) causes.push(cause.invalid(`${path}[${index}].type`, type, problem));
    const field = `${path}[${index}].status`;
    causes.push(...oneOf(pattern, 'status', ['False', 'True', 'Unknown']).map((each) => ({ ...each, field })));
  }
  return causes;
}

function successPolicyCauses(object: unknown, path: string): StatusCause[] {
  const field = `${path}.successPolicy.rules`;
  const rules = listAt(object, field);
  const completions = Number(at(object, `${path}.completions`) ?? 0);
  if (rules.length === 0) {
    return [cause.required(field, 'at least one rules must be specified when the successPolicy is specified')];
  }
  const causes = rules.length > rulesMax ? [cause.tooMany(field, rules.length, rulesMax)] : [];
  for (const [index, rule] of rules.entries())
    causes.push(...successRuleCauses(rule, `${field}[${index}]`, completions));
  return causes;
}

function successRuleCauses(rule: Record<string, unknown>, path: string, completions: number): StatusCause[] {
  const [indexes, count] = [rule['succeededIndexes'], rule['succeededCount']];
  if (indexes === undefined && count === undefined) {
    return [cause.required(path, 'at least one of succeededCount or succeededIndexes must be specified')];
  }
  const causes: StatusCause[] = [];
  const read = readIndexes(String(indexes ?? ''), completions);
  if (typeof indexes === 'string' && indexes.length > indexesTextMaxBytes) {
    causes.push(cause.tooLong(`${path}.succeededIndexes`, indexesTextMaxBytes));
  }
  if (typeof read === 'string') {
    causes.push(cause.invalid(`${path}.succeededIndexes`, indexes, `error parsing succeededIndexes: ${read}`));
  }
  if (typeof count !== 'number') return causes;
  const field = `${path}.succeededCount`;
  causes.push(...nonNegative({ count }, 'count').map((each) => ({ ...each, field })));
  const total = typeof read === 'number' ? read : 0;
  const limits = [
    [completions, 'the number of specified completions'],
    [indexes === undefined ? Infinity : total, 'the number of indexes in the specified succeededIndexes field'],
  ] as const;
  for (const [max, what] of limits) {
    if (count > max) causes.push(cause.invalid(field, count, `must be less than or equal to ${max} (${what})`));
  }
  return causes;
}

/** How many indexes the text names, or what is wrong with it. */
function readIndexes(text: string, completions: number): number | string {
  if (text === '') return 0;
  let last = -1;
  let total = 0;
  for (const part of text.split(',')) {
    const limits = part.split('-');
    if (limits.length > 2) {
      return `the fragment ${JSON.stringify(part)} violates the requirement that an index interval can have at most two parts separated by '-'`;
    }
    for (const limit of limits) {
      if (!/^\+?\d+$/.test(limit)) return `cannot convert string to integer for index: ${JSON.stringify(limit)}`;
      if (Number(limit) >= completions) return `too large index: ${JSON.stringify(limit)}`;
    }
    const [first = 0, to] = limits.map(Number);
    if (to !== undefined && first >= to) return `non-increasing order, previous: ${first}, current: ${to}`;
    if (last >= first) return `non-increasing order, previous: ${last}, current: ${first}`;
    last = to ?? first;
    total += last - first + 1;
  }
  return total;
}

function replacementCauses(object: unknown, path: string): StatusCause[] {
  const isOnlyFailed = at(object, `${path}.podFailurePolicy`) !== undefined;
  return oneOf(object, `${path}.podReplacementPolicy`, isOnlyFailed ? ['Failed'] : ['Failed', 'TerminatingOrFailed']);
}

/** As Go's %q writes a list. */
function quotedList(values: readonly string[]): string {
  return `[${values.map((value) => JSON.stringify(value)).join(' ')}]`;
}
