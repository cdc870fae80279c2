import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

/** A chart cannot point at a file of another one. */
test.each([
  ['towpath/crds/helm.fluxcd.io.yaml', 'helm-operator/crds/helmreleases.yaml'],
  ['towpath/crds/towpath.dev.yaml', 'flux/crds/syncs.yaml'],
  ['towpath/crds/flagger.app.yaml', 'flagger/crd.yaml'],
])('charts/%s is charts/%s', (copy, original) => {
  const read = (name: string): string => readFileSync(new URL(`../charts/${name}`, import.meta.url), 'utf8');

  expect(read(copy)).toBe(read(original));
});
