import type { AnyObject } from '@towpath/api';
import { describe, expect, it } from 'vitest';
import { approvalCondition, approvalProblems } from './api-approval.ts';

function definition(group: string, approved?: string): AnyObject {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: `things.${group}`,
      ...(approved !== undefined && { annotations: { 'api-approved.kubernetes.io': approved } }),
    },
    spec: { group },
  };
}

describe('approval of kinds in groups of Kubernetes', () => {
  it.each([
    { group: 'acme.dev', text: undefined, refused: undefined, condition: undefined },
    { group: 'notk8s.io', text: undefined, refused: undefined, condition: undefined },
    { group: 'gateway.networking.k8s.io', text: undefined, refused: /^Required value/, condition: 'MissingAnnotation' },
    { group: 'kubernetes.io', text: 'yes', refused: /^Invalid value: "yes"/, condition: 'InvalidAnnotation' },
    { group: 'x.k8s.io', text: 'unapproved, a test', refused: undefined, condition: 'UnapprovedAnnotation' },
    { group: 'x.k8s.io', text: 'https://github.com/x/y/pull/1', refused: undefined, condition: 'ApprovedAnnotation' },
  ])('$group, $text: $condition', ({ group, text, refused, condition }) => {
    const object = definition(group, text);
    const [problem] = approvalProblems(object, undefined);

    expect(approvalCondition(object)?.reason).toBe(condition);
    if (refused === undefined) expect(problem).toBeUndefined();
    else expect(problem?.message).toMatch(refused);
  });

  it('lets a definition that was stored without it be changed', () => {
    expect(approvalProblems(definition('x.k8s.io'), definition('x.k8s.io'))).toEqual([]);
    expect(approvalProblems(definition('x.k8s.io'), definition('x.k8s.io', 'unapproved'))).toHaveLength(1);
  });
});
