import type { AnyObject } from '@towpath/api';
import { describe, expect, it } from 'vitest';
import { createObjectPatch, threeWayJsonMergePatch } from './patch.ts';

function service(selector: Record<string, string>, extra: Record<string, unknown> = {}, manager?: string): AnyObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: 'frontend',
      ...(manager !== undefined && {
        managedFields: [{ manager, operation: 'Update' as const, fieldsV1: { 'f:spec': { 'f:selector': {} } } }],
      }),
    },
    spec: { selector, ...extra },
  };
}

function virtualService(spec: Record<string, unknown>, owner?: string): AnyObject {
  return {
    apiVersion: 'networking.istio.io/v1beta1',
    kind: 'VirtualService',
    metadata: {
      name: 'frontend',
      ...(owner !== undefined && {
        managedFields: [{ manager: owner, operation: 'Update' as const, fieldsV1: { 'f:spec': { 'f:http': {} } } }],
      }),
    },
    spec,
  };
}

const options = { strictThreeWay: false, threeWayForCustom: false };

describe('createObjectPatch', () => {
  it('puts back a field of a built-in kind that somebody changed', () => {
    const last = service({ app: 'frontend' });
    const live = service({ app: 'other' }, {}, 'kubectl');

    expect(createObjectPatch({ last, next: last, live, ...options })).toEqual({
      kind: 'strategic',
      body: { spec: { selector: { app: 'frontend' } } },
    });
  });

  it('leaves Flagger’s selector alone', () => {
    const last = service({ app: 'frontend' });
    const live = service({ app: 'frontend-primary' }, {}, 'flagger');

    expect(createObjectPatch({ last, next: last, live, ...options })).toBeUndefined();
  });

  it('restores Helm’s way when told so', () => {
    const last = service({ app: 'frontend' });
    const live = service({ app: 'frontend-primary' }, {}, 'flagger');

    expect(createObjectPatch({ last, next: last, live, ...options, strictThreeWay: true })).toEqual({
      kind: 'strategic',
      body: { spec: { selector: { app: 'frontend' } } },
    });
  });

  it('changes one field and leaves Flagger’s beside it', () => {
    const last = service({ app: 'frontend' }, { sessionAffinity: 'None' });
    const next = service({ app: 'frontend' }, { sessionAffinity: 'ClientIP' });
    const live = service({ app: 'frontend-primary' }, { sessionAffinity: 'None' }, 'flagger');

    expect(createObjectPatch({ last, next, live, ...options })).toEqual({
      kind: 'strategic',
      body: { spec: { sessionAffinity: 'ClientIP' } },
    });
  });

  it('compares only the manifests of a custom kind', () => {
    const last = virtualService({ hosts: ['*'] });
    const live = virtualService({ hosts: ['a'] });

    expect(createObjectPatch({ last, next: last, live, ...options })).toBeUndefined();
  });

  it('keeps the weights when the chart changes something else in the routes', () => {
    const last = virtualService({ http: [{ route: [{ weight: 100 }] }] });
    const next = virtualService({ http: [{ retries: 3, route: [{ weight: 100 }] }] });
    const live = virtualService({ http: [{ route: [{ weight: 95 }, { weight: 5 }] }] }, 'flagger');

    expect(createObjectPatch({ last, next, live, ...options })).toEqual({
      kind: 'merge',
      body: { spec: { http: [{ retries: 3, route: [{ weight: 95 }, { weight: 5 }] }] } },
    });
  });
});

describe('threeWayJsonMergePatch', () => {
  it('adds, changes, deletes, and leaves what others added', () => {
    const last = { labels: { mark: '' }, spec: { a: 1, b: 2 } };
    const next = { labels: {}, spec: { a: 9 } };
    const live = { labels: { mark: 'x', theirs: 'y' }, spec: { a: 1, b: 2, c: 3 } };

    expect(threeWayJsonMergePatch(last, next, live)).toEqual({ labels: { mark: null }, spec: { a: 9, b: null } });
  });
});
