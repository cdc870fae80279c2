import type { AnyObject } from '@towpath/api';
import { describe, expect, it } from 'vitest';
import { applyObjectPatches, replaceImages, selectsObject } from './object-patches.ts';

const web: AnyObject = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', labels: { app: 'web' } },
  spec: {
    replicas: 1,
    template: {
      spec: {
        initContainers: [{ name: 'init', image: 'registry:5000/acme/init' }],
        containers: [
          { name: 'main', image: 'acme/web:v1', env: [{ name: 'A', value: '1' }] },
          { name: 'side', image: 'acme/side:v1' },
        ],
      },
    },
  },
};
const config: AnyObject = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'web' }, data: { a: '1' } };

describe('selectsObject', () => {
  it.each([
    { name: 'nothing asked', selector: {}, expected: true },
    { name: 'a kind', selector: { kind: 'Deployment' }, expected: true },
    { name: 'another group', selector: { group: 'batch' }, expected: false },
    { name: 'a pattern of names', selector: { name: 'w.*' }, expected: true },
    { name: 'a pattern that is not the whole name', selector: { name: 'w' }, expected: false },
    { name: 'labels', selector: { labelSelector: 'app in (web,api)' }, expected: true },
    { name: 'annotations', selector: { annotationSelector: 'app=web' }, expected: false },
  ])('$name', ({ selector, expected }) => {
    expect(selectsObject(selector, web)).toBe(expected);
  });
});

describe('applyObjectPatches', () => {
  it('merges by name, keyed lists element by element', () => {
    const patch = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, annotations: {note: new}}
spec: {template: {spec: {containers: [{name: main, env: [{name: B, value: "2"}]}]}}}
`;
    const [changed, other] = applyObjectPatches([web, config], [{ patch }]);
    expect(changed?.metadata).toEqual({ name: 'web', labels: { app: 'web' }, annotations: { note: 'new' } });
    const text = JSON.stringify(changed);
    expect(text).toContain('"image":"acme/side:v1"');
    expect(text).toContain('{"name":"A","value":"1"}');
    expect(text).toContain('{"name":"B","value":"2"}');
    expect(other).toBe(config);
  });

  it('applies operations to what the target selects', () => {
    const patch = '[{op: replace, path: /spec/replicas, value: 3}]';
    const [changed] = applyObjectPatches([web, config], [{ patch, target: { kind: 'Deployment' } }]);
    expect(changed).toMatchObject({ spec: { replicas: 3 } });
  });

  it('takes objects out', () => {
    const patch = '{$patch: delete, apiVersion: v1, kind: ConfigMap, metadata: {name: web}}';
    expect(applyObjectPatches([web, config], [{ patch }])).toEqual([web]);
  });

  it.each([
    {
      name: 'an object that is not there',
      patch: '{apiVersion: v1, kind: Secret, metadata: {name: x}}',
      says: 'no matches for Id Secret.v1.[noGrp]/x.[noNs]',
    },
    { name: 'operations without a target', patch: '[{op: remove, path: /a}]', says: 'must specify a target' },
    { name: 'text that is no patch', patch: 'hello', says: 'neither an object nor a list' },
  ])('refuses $name', ({ patch, says }) => {
    expect(() => applyObjectPatches([web], [{ patch }])).toThrow(says);
  });
});

describe('replaceImages', () => {
  it.each([
    { image: { name: 'acme/web', newTag: 'v2' }, expected: ['registry:5000/acme/init', 'acme/web:v2', 'acme/side:v1'] },
    {
      image: { name: 'registry:5000/acme/init', newName: 'other/init', digest: 'sha256:ab' },
      expected: ['other/init@sha256:ab', 'acme/web:v1', 'acme/side:v1'],
    },
    {
      image: { name: 'acme/side', newName: 'x/side' },
      expected: ['registry:5000/acme/init', 'acme/web:v1', 'x/side:v1'],
    },
  ])('$image.name', ({ image, expected }) => {
    const [changed] = replaceImages([web], [image]);
    expect([...JSON.stringify(changed).matchAll(/"image":"([^"]*)"/g)].map((match) => match[1])).toEqual(expected);
  });
});
