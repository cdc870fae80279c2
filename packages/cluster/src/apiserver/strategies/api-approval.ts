/** Groups of Kubernetes itself: who defines a kind in one says with an annotation that it was approved, or that it was not. */

import type { AnyObject, Condition } from '@towpath/api';
import { getIn } from '@towpath/kit';
import { cause, type StatusCause } from '../http/status.ts';

const annotation = 'api-approved.kubernetes.io';
const see = 'see https://github.com/kubernetes/enhancements/pull/1111';

interface Approval {
  readonly status: Condition['status'];
  readonly reason: 'MissingAnnotation' | 'UnapprovedAnnotation' | 'ApprovedAnnotation' | 'InvalidAnnotation';
  readonly message: string;
}

/** Undefined for groups that anybody may use. */
function approvalOf(object: AnyObject): Approval | undefined {
  const group = String(getIn(object, ['spec', 'group']) ?? '');
  if (!/(?:^|\.)(?:k8s|kubernetes)\.io$/.test(group)) return undefined;
  const text = object.metadata.annotations?.[annotation] ?? '';
  const must = `protected groups must have approval annotation "${annotation}"`;
  if (text === '') return { status: 'False', reason: 'MissingAnnotation', message: `${must}, ${see}` };
  if (text.startsWith('unapproved'))
    return { status: 'False', reason: 'UnapprovedAnnotation', message: `not approved: ${JSON.stringify(text)}` };
  if (/^[a-z][a-z\d+.-]*:\/\/[^/\s]/i.test(text) && URL.canParse(text))
    return { status: 'True', reason: 'ApprovedAnnotation', message: `approved in ${text}` };
  const either = `${must} with either a URL or a reason starting with "unapproved", ${see}`;
  return { status: 'False', reason: 'InvalidAnnotation', message: either };
}

/** The condition of a definition in a protected group. */
export function approvalCondition(object: AnyObject): Omit<Condition, 'lastTransitionTime'> | undefined {
  const approval = approvalOf(object);
  return approval === undefined ? undefined : { type: 'KubernetesAPIApprovalPolicyConformant', ...approval };
}

/** What speaks against the annotation; one that is as it was is never refused. */
export function approvalProblems(object: AnyObject, old: AnyObject | undefined): StatusCause[] {
  const approval = approvalOf(object);
  if (approval === undefined || (old !== undefined && approvalOf(old)?.reason === approval.reason)) return [];
  const path = `metadata.annotations[${annotation}]`;
  if (approval.reason === 'MissingAnnotation') return [cause.required(path, approval.message)];
  if (approval.reason === 'InvalidAnnotation')
    return [cause.invalid(path, object.metadata.annotations?.[annotation], approval.message)];
  return [];
}
