/** Causes between the commit and the cluster: sources, synchronisation, releases; of Flux 1 and 2 and the Helm operator. */

import type { AnyObject, Condition } from '@towpath/api';
import { maskText } from '../mask.ts';
import type { Finding, Stage } from './explanation.ts';
import { causeOf, placeOf } from './messages.ts';
import { failedCondition, groupOf, nameOf, nameText, recordsAt, type Snapshot } from './snapshot.ts';

/** Undefined for other kinds. */
export function deliveryStage(object: AnyObject): Stage | undefined {
  switch (groupOf(object)) {
    case 'source.toolkit.fluxcd.io':
    case 'image.toolkit.fluxcd.io':
      return 'source';
    case 'kustomize.toolkit.fluxcd.io':
      return 'apply';
    case 'towpath.dev':
      return object.kind === 'Sync' ? 'apply' : undefined;
    case 'helm.fluxcd.io':
    case 'helm.toolkit.fluxcd.io':
      return 'release';
    default:
      return undefined;
  }
}

export function deliveryFindings(snapshot: Snapshot, object: AnyObject): Finding[] {
  const stage = deliveryStage(object);
  if (stage === undefined) return [];
  const found = [...conditionFindings(snapshot, object, stage), ...problemFindings(object)];
  return [...found, ...logFindings(snapshot, object, { stage, isFailing: found.length > 0 })];
}

/** Ready of Flux 2 and of Syncs; Released and ChartFetched of the Helm operator. */
function conditionFindings(snapshot: Snapshot, object: AnyObject, stage: Stage): Finding[] {
  const condition =
    groupOf(object) === 'helm.fluxcd.io'
      ? (failedCondition(object, 'ChartFetched') ??
        failedCondition(object, 'Released') ??
        failedCondition(object, 'Deployed'))
      : (failedCondition(object, 'Ready') ?? failedCondition(object, 'Released'));
  if (condition === undefined) return [];
  // What a synchronisation could not apply is said file by file.
  if (object.kind === 'Sync' && recordsAt(object, ['status', 'problems']).length > 0) return [];
  return [findingOf(object, stage, { condition, detail: snapshot.controllerErrors.get(resourceOf(object)) })];
}

function findingOf(
  object: AnyObject,
  stage: Stage,
  seen: { condition: Condition; detail: string | undefined },
): Finding {
  const { condition, detail } = seen;
  const said = maskText(condition.message ?? '');
  const stated = `${condition.reason ?? ''}: ${said}`;
  // The real Helm operator keeps the cause to its log.
  const known = causeOf(said) ?? (detail === undefined ? undefined : causeOf(detail)) ?? causeOf(stated);
  const fromLog = detail !== undefined && causeOf(said) === undefined;
  const place = placeOf(said) ?? (detail === undefined ? undefined : placeOf(detail));
  return {
    cause: known?.cause ?? 'failed',
    stage,
    object: nameOf(object),
    sentence: `${nameText(nameOf(object))}: ${known?.sentence ?? `it failed (${condition.reason ?? condition.type})`}${place === undefined ? '' : ` (${place})`}`,
    ...(place !== undefined && { place }),
    evidence: [
      { object: nameOf(object), field: `status.conditions[${condition.type}]`, text: stated },
      ...(fromLog ? [{ object: nameOf(object), field: 'log of its controller', text: detail }] : []),
    ],
    next: known?.next ?? 'read the message',
    ...(known?.isConsequence === true && { isConsequence: true as const }),
  };
}

/** Of a Sync: one per file. */
function problemFindings(object: AnyObject): Finding[] {
  if (object.kind !== 'Sync') return [];
  return recordsAt(object, ['status', 'problems']).map(({ source, resource, message }, index) => {
    const text = maskText(String(message));
    const known = causeOf(text);
    const cause = known === undefined || known.cause === 'render-error' ? undefined : known;
    const what = typeof resource === 'string' ? ` (${resource})` : '';
    return {
      cause: cause?.cause ?? 'manifest-invalid',
      stage: 'apply',
      object: nameOf(object),
      sentence: `${String(source)}${what}: ${cause?.sentence ?? 'a manifest is not valid'}`,
      place: String(source),
      evidence: [{ object: nameOf(object), field: `status.problems[${index}]`, text }],
      next: cause?.next ?? 'correct the file that the message names',
    } satisfies Finding;
  });
}

/** Flux 1 itself writes no status at all. */
function logFindings(
  snapshot: Snapshot,
  object: AnyObject,
  { stage, isFailing }: { stage: Stage; isFailing: boolean },
): Finding[] {
  if (isFailing || groupOf(object) !== 'helm.fluxcd.io' || recordsAt(object, ['status', 'conditions']).length > 0)
    return [];
  const line = snapshot.controllerErrors.get(resourceOf(object));
  const known = line === undefined ? undefined : causeOf(line);
  if (line === undefined || known === undefined) return [];
  const evidence = [{ object: nameOf(object), field: 'log of its controller', text: line }];
  return [
    {
      cause: known.cause,
      stage,
      object: nameOf(object),
      sentence: `${nameText(nameOf(object))}: ${known.sentence}`,
      evidence,
      next: known.next,
    },
  ];
}

function resourceOf({ kind, metadata }: AnyObject): string {
  return `${metadata.namespace ?? ''}:${kind.toLowerCase()}/${metadata.name}`;
}
