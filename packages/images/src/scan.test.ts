import { describe, expect, test } from 'vitest';
import { parseYaml } from '@towpath/kit';
import type { AnyObject } from '@towpath/api';
import { imagePlaces } from './places.ts';
import { commitMessage, editFiles, findCandidates, planUpdates } from './scan.ts';

const release = (values: string, annotations = ''): AnyObject =>
  parseYaml(
    `apiVersion: helm.fluxcd.io/v1\nkind: HelmRelease\nmetadata:\n  name: a\n  annotations: {${annotations}}\nspec:\n  values: ${values}\n`,
    { file: 'x' },
  ) as AnyObject;

describe('places', () => {
  test.each([
    { values: '{image: "acme/web:v1"}', found: ['chart-image acme/web v1 image'] },
    { values: '{image: acme/web, tag: v1}', found: ['chart-image acme/web v1 tag'] },
    { values: '{registry: r.io, image: acme/web, tag: v1}', found: ['chart-image r.io/acme/web v1 tag'] },
    { values: '{image: {repository: acme/web, tag: v1}}', found: ['chart-image acme/web v1 image.tag'] },
    {
      values: '{image: {registry: r.io, repository: acme/web, tag: 1.5}}',
      found: ['chart-image r.io/acme/web 1.5 image.tag'],
    },
    { values: '{image: {repository: "acme/web:v1"}}', found: ['chart-image acme/web v1 image.repository'] },
    { values: '{db: {image: {repository: pg, tag: "16"}}}', found: ['db pg 16 db.image.tag'] },
    { values: '{a: {b: {image: "x:1"}}}', found: [] },
    { values: '{image: "acme/web@sha256:aa"}', found: [] },
    {
      values: '{a: {b: {repo: acme/deep, version: v3}}}',
      annotations: 'repository.fluxcd.io/deep: a.b.repo, tag.fluxcd.io/deep: a.b.version',
      found: ['deep acme/deep v3 a.b.version'],
    },
  ])('$values', ({ values, annotations, found }) => {
    const places = imagePlaces(release(values, annotations));

    expect(
      places.map((place) => [place.container, place.repository, place.tag, place.path.slice(2).join('.')].join(' ')),
    ).toEqual(found);
  });

  test('containers and init containers of workloads', () => {
    const spec = {
      template: {
        spec: { initContainers: [{ name: 'init', image: 'i:1' }], containers: [{ name: 'web', image: 'w:2' }] },
      },
    };

    const places = imagePlaces({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'x' }, spec });

    expect(places.map(({ container, tag }) => [container, tag])).toEqual([
      ['web', '2'],
      ['init', '1'],
    ]);
  });
});

const frontend = `apiVersion: helm.fluxcd.io/v1
kind: HelmRelease
metadata:
  name: frontend
  namespace: microservices-demo
  annotations:
    fluxcd.io/ignore: "false"
    fluxcd.io/automated: "true"
    flux.weave.works/tag.chart-image: semver:~v0.0
spec:
  releaseName: frontend
  values:
    image:
      repository: acme/frontend
      tag: v0.0.1
`;

describe('a scan', () => {
  const files = new Map([
    ['deploy/releases/frontend.yaml', frontend],
    ['deploy/releases/adservice.yaml', frontend.replaceAll('frontend', 'adservice')],
    ['deploy/namespaces/ns.yaml', 'apiVersion: v1\nkind: Namespace\nmetadata: {name: x}\n'],
    ['deploy/broken.yaml', 'fluxcd.io/automated: [\n'],
  ]);
  const tags = new Map([
    ['acme/frontend', ['v0.0.1', 'v0.0.2']],
    ['acme/adservice', ['v0.0.1']],
  ]);
  const tagsOf = (repository: string) => tags.get(repository)?.map((name) => ({ name, createdAtMs: 1000 }));

  test('changes exactly one line and names the image', () => {
    const { candidates, problems } = findCandidates(files);
    const updates = planUpdates(candidates, tagsOf);
    const { edits, done } = editFiles(files, updates);

    expect(problems).toEqual([]);
    expect(candidates.map(({ workload }) => workload)).toEqual([
      'microservices-demo:helmrelease/frontend',
      'microservices-demo:helmrelease/adservice',
    ]);
    expect([...edits]).toEqual([['deploy/releases/frontend.yaml', frontend.replace('tag: v0.0.1', 'tag: v0.0.2')]]);
    expect(commitMessage(done)).toBe('Auto-release acme/frontend:v0.0.2');
  });

  test('is silent after its own commit', () => {
    const { candidates } = findCandidates(files);
    const { edits } = editFiles(files, planUpdates(candidates, tagsOf));
    const after = new Map([...files, ...edits]);

    expect(planUpdates(findCandidates(after).candidates, tagsOf)).toEqual([]);
  });

  test('lists several images', () => {
    const all = (repository: string) => [...(tagsOf(repository) ?? []), { name: 'v0.0.3', createdAtMs: 3000 }];
    const updates = planUpdates(findCandidates(files).candidates, all);

    expect(commitMessage(updates)).toBe(
      'Auto-release multiple (2) images\n\n - acme/adservice:v0.0.3\n - acme/frontend:v0.0.3',
    );
  });

  test('names a policy that cannot be read', () => {
    const bad = new Map([['a.yaml', frontend.replace('semver:~v0.0', 'semver:nonsense')]]);

    const { candidates, problems } = findCandidates(bad);

    expect(candidates).toEqual([]);
    expect(problems[0]?.message).toMatch(
      /microservices-demo:helmrelease\/frontend: "nonsense" is no semver constraint/,
    );
  });
});
