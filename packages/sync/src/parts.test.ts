/** The pure parts of synchronisation: flags, marks, files, order, merge, durations. */

import { describe, expect, test } from 'vitest';
import { threeWayJsonMerge } from './apply/apply.ts';
import { checksum, gcMark, resourceId, syncSetName } from './marks.ts';
import { manifestPaths, parseManifests } from './manifests/documents.ts';
import { ignorePolicy, placeManifests, type KindLookup } from './manifests/resources.ts';
import { parseFluxOptions } from './options.ts';

const url = '--git-url=http://git/acme/shop.git';

describe('flags', () => {
  test('have the defaults of fluxd', () => {
    expect(parseFluxOptions([url])).toMatchObject({
      gitBranch: 'master',
      gitPaths: [],
      gitPollMs: 300_000,
      gitUser: 'Weave Flux',
      gitEmail: 'support@weave.works',
      gitSyncTag: 'flux-sync',
      gitCiSkipMessage: '',
      syncIntervalMs: 300_000,
      garbageCollection: false,
      k8sSecretName: 'flux-git-deploy',
      listenPort: 3030,
    });
  });

  test.each([
    { args: ['--git-path=deploy/', '--git-path=./apps,base'], gives: { gitPaths: ['deploy', 'apps', 'base'] } },
    { args: ['--git-ci-skip'], gives: { gitCiSkipMessage: '[ci skip]' } },
    { args: ['--git-ci-skip=false'], gives: { gitCiSkipMessage: '' } },
    { args: ['--git-ci-skip', '--git-ci-skip-message=[skip ci]'], gives: { gitCiSkipMessage: '[skip ci]' } },
    { args: ['--git-poll-interval', '1m30s'], gives: { gitPollMs: 90_000 } },
    { args: ['--git-label=mine'], gives: { gitSyncTag: 'mine' } },
    { args: ['--sync-garbage-collection=true'], gives: { garbageCollection: true } },
  ])('$args', ({ args, gives }) => {
    expect(parseFluxOptions([url, ...args])).toMatchObject(gives);
  });

  test.each([
    { args: [], says: /no repository is given/ },
    { args: [url, '--manifest-generation'], says: /does not know the argument "--manifest-generation"/ },
    { args: [url, 'stray'], says: /does not know the argument "stray"/ },
    { args: [url, '--git-poll-interval=soon'], says: /--git-poll-interval=soon is no duration/ },
    { args: [url, '--git-ci-skip=maybe'], says: /neither true nor false/ },
  ])('refused: $says', ({ args, says }) => {
    expect(() => parseFluxOptions(args)).toThrow(says);
  });
});

describe('marks', () => {
  // Computed beside this code: printf %s … | openssl dgst -sha256 -binary | base64, made URL-safe.
  test('are those of Flux', () => {
    const setName = syncSetName({ url: 'http://git/acme/shop.git', branch: 'master', paths: ['deploy'] });
    const id = resourceId({ namespace: undefined, kind: 'Namespace', name: 'shop' });

    expect(setName).toBe('EBYsf2H_UxWByCKRmSmurAxbRxjBZ2uQea2koA5xfV8');
    expect(id).toBe('<cluster>:namespace/shop');
    expect(gcMark(setName, id)).toBe('sha256.cS1zRMxYE80rMPv0jATzDjklDrRrnAn2V3DVemfFZS8');
    expect(checksum('a: b\n')).toBe('3edb5ce145cf1d1e2413e02b8bed70f1ae3ed105');
  });

  test('differ for every object, so that a copied label marks nothing', () => {
    expect(gcMark('s', 'a:configmap/x')).not.toBe(gcMark('s', 'b:configmap/x'));
  });
});

describe('files', () => {
  test('of charts are left out, with everything below them', () => {
    const paths = [
      'deploy/a.yaml',
      'deploy/b.yml',
      'deploy/notes.md',
      'deploy/charts/web/Chart.yaml',
      'deploy/charts/web/values.yaml',
      'deploy/charts/web/templates/x.yaml',
      'deploy/charts/web/charts/db/Chart.yaml',
      'deploy/charts/README.yaml',
      'deploy/other/Chart.yaml',
    ];

    expect(manifestPaths(paths)).toEqual([
      'deploy/a.yaml',
      'deploy/b.yml',
      'deploy/charts/README.yaml',
      'deploy/other/Chart.yaml',
    ]);
  });

  test('of the pipeline are no manifests', () => {
    expect(manifestPaths(['.gitlab-ci.yml', 'a/.gitlab-ci.yml', 'b.yaml'])).toEqual(['a/.gitlab-ci.yml', 'b.yaml']);
  });

  test('are split, opened and named by line', () => {
    const text = [
      '# nothing here',
      '---',
      'apiVersion: v1',
      'kind: ConfigMap',
      'metadata: {name: a}',
      '--- # second',
      'apiVersion: v1',
      'kind: List',
      'items:',
      '- {apiVersion: v1, kind: Secret, metadata: {name: b}}',
      '- {apiVersion: v1, kind: Secret, metadata: {name: c}}',
      '---',
      'kind: Nameless',
      '---',
      'a: [',
      '',
    ].join('\n');

    const { manifests, problems } = parseManifests(new Map([['x.yaml', text]]));

    expect(manifests.map(({ object, source }) => [object.metadata.name, source])).toEqual([
      ['a', 'x.yaml:3'],
      ['b', 'x.yaml:7'],
      ['c', 'x.yaml:7'],
    ]);
    expect(problems[0]).toEqual({ source: 'x.yaml:13', message: 'is no Kubernetes object: no apiVersion or kind' });
    expect(problems[1]?.source).toMatch(/^x\.yaml:1[56]$/);
  });
});

describe('placing', () => {
  const lookup: KindLookup = async ({ apiVersion, kind }) =>
    apiVersion === 'v1' || apiVersion === 'apps/v1'
      ? { group: '', version: 'v1', kind, plural: 'x', namespaced: kind !== 'Namespace' }
      : undefined;
  const place = (text: string) =>
    placeManifests(parseManifests(new Map([['x.yaml', text]])).manifests, { lookup, defaultNamespace: 'default' });

  test('orders by rank, then by name', async () => {
    const kinds = [
      'apps/v1 Deployment z',
      'v1 Secret s',
      'example.com/v1 Widget w',
      'v1 Namespace shop',
      'v1 Service b',
      'v1 Service a',
    ];
    const text = kinds
      .map((line) => line.split(' '))
      .map(([apiVersion, kind, name]) => `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: {name: ${name}}\n`)
      .join('---\n');

    expect((await place(text)).map(({ id }) => id)).toEqual([
      '<cluster>:namespace/shop',
      'default:service/a',
      'default:service/b',
      'default:secret/s',
      'default:deployment/z',
      'default:widget/w',
    ]);
  });

  test('knows the scope of kinds that are defined beside them', async () => {
    const definition =
      'apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: widgets.example.com}\nspec: {group: example.com, scope: Cluster, names: {kind: Widget}}\n';
    const widget = 'apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: w}\n';

    expect((await place(`${definition}---\n${widget}`)).map(({ id }) => id)).toContain('<cluster>:widget/w');
  });
});

test.each([
  { annotations: { 'fluxcd.io/ignore': 'true' }, policy: 'yes' },
  { annotations: { 'flux.weave.works/ignore': 'true' }, policy: 'yes' },
  { annotations: { 'fluxcd.io/ignore': 'sync_only' }, policy: 'sync_only' },
  { annotations: { 'fluxcd.io/ignore': 'false' }, policy: 'no' },
  { annotations: {}, policy: 'no' },
])('ignore: $annotations', ({ annotations, policy }) => {
  const metadata = { name: 'x', annotations: annotations as Record<string, string> };

  expect(ignorePolicy({ apiVersion: 'v1', kind: 'X', metadata })).toBe(policy);
});

test.each([
  { name: 'nothing', original: { a: 1 }, modified: { a: 1 }, current: { a: 1, b: 2 }, patch: {} },
  { name: 'a change', original: { a: 1 }, modified: { a: 2 }, current: { a: 1, b: 2 }, patch: { a: 2 } },
  { name: 'drift', original: { a: 1 }, modified: { a: 1 }, current: { a: 9 }, patch: { a: 1 } },
  { name: 'a removal', original: { a: 1, c: 3 }, modified: { a: 1 }, current: { a: 1, c: 3 }, patch: { c: null } },
  { name: 'a removal that already happened', original: { c: 3 }, modified: {}, current: {}, patch: {} },
  { name: 'nested', original: {}, modified: { s: { x: 1 } }, current: { s: { y: 2 } }, patch: { s: { x: 1 } } },
  { name: 'lists whole', original: {}, modified: { l: [1] }, current: { l: [1, 2] }, patch: { l: [1] } },
])('three-way merge: $name', ({ original, modified, current, patch }) => {
  expect(threeWayJsonMerge(original, modified, current)).toEqual(patch);
});
