import { readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAllYaml } from '@towpath/kit';
import { describe, expect, test } from 'vitest';
import { buildKustomization } from './build/build.ts';
import type { FileSet } from './build/files.ts';
import { buildSource } from './generate.ts';
import { buildWith } from './program.ts';
import { substituteObject, substituteText } from './substitute.ts';

type Files = Readonly<Record<string, string>>;

function fileSet(...files: Files[]): FileSet {
  const entries = files.flatMap((one) => Object.entries(one));
  return new Map(entries.map(([path, text]) => [path, new TextEncoder().encode(text)]));
}

/** Recorded with kustomize v5.8.1: files on top of a common base, and what `kustomize build overlay` prints. */
const recorded = JSON.parse(readFileSync(new URL('testdata/kustomize.json', import.meta.url), 'utf8')) as {
  base: Files;
  cases: { name: string; files: Files; output: string }[];
};

describe('the output of kustomize', () => {
  test.each(recorded.cases)('$name', ({ files, output }) => {
    const built = buildKustomization({ files: fileSet(recorded.base, files), path: 'overlay' });

    expect(built).toEqual(parseAllYaml(output, { file: 'recorded', onlyTrueAndFalse: true }));
  });
});

const configMap = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n';

describe('what is refused', () => {
  const rows: [name: string, files: Files, message: string][] = [
    ['no kustomization', { 'a.yaml': configMap }, '.: no kustomization file found'],
    [
      'an unknown field',
      { 'kustomization.yaml': 'resource: [a.yaml]' },
      'kustomization.yaml: unknown field "resource"',
    ],
    [
      'a chart',
      { 'kustomization.yaml': 'helmCharts: [{name: a}]' },
      'kustomization.yaml: helmCharts is not supported; use a HelmRelease',
    ],
    [
      'a remote base',
      { 'kustomization.yaml': 'resources: ["https://github.com/acme/app//deploy?ref=v1"]' },
      'kustomization.yaml: remote base https://github.com/acme/app//deploy?ref=v1 is not supported',
    ],
    ['a missing file', { 'kustomization.yaml': 'resources: [b.yaml]' }, 'b.yaml is neither a file nor a folder'],
    ['a path out of the source', { 'kustomization.yaml': 'resources: [../b.yaml]' }, 'leads out of the source'],
    [
      'no object',
      { 'kustomization.yaml': 'resources: [a.yaml]', 'a.yaml': 'a: 1' },
      'a.yaml: missing apiVersion and kind',
    ],
    [
      'one object twice',
      { 'kustomization.yaml': 'resources: [a.yaml, b.yaml]', 'a.yaml': configMap, 'b.yaml': configMap },
      'may not add resource with an already registered id: ConfigMap.v1.[noGrp]/a.[noNs]',
    ],
    [
      'a cycle',
      {
        'a/kustomization.yaml': 'resources: [../b]',
        'b/kustomization.yaml': 'resources: [../a]',
        'kustomization.yaml': 'resources: [a]',
      },
      'cycle detected:  → a → b → a',
    ],
    [
      'a patch for nothing',
      {
        'kustomization.yaml': `resources: [a.yaml]\npatches: [{patch: '{apiVersion: v1, kind: Secret, metadata: {name: a}}'}]`,
        'a.yaml': configMap,
      },
      'no resource matches strategic merge patch "Secret.v1.[noGrp]/a.[noNs]"',
    ],
  ];
  test.each(rows)('%s', (_name, files, message) => {
    expect(() => buildKustomization({ files: fileSet(files), path: '' })).toThrow(message);
  });
});

describe('a folder without a kustomization', () => {
  test('is all its YAML; folders that have one count as one', () => {
    const files = fileSet({
      'deploy/b/one.yml': configMap.replace('name: a', 'name: one'),
      'deploy/a/kustomization.yaml': 'resources: [two.yaml]\nnamePrefix: p-',
      'deploy/a/two.yaml': configMap.replace('name: a', 'name: two'),
      'deploy/a/ignored.yaml': configMap,
      'deploy/README.md': 'text',
      'other/three.yaml': configMap,
    });

    const built = buildSource(files, './deploy', { targetNamespace: 'n', images: [] });

    expect(built.map(({ metadata }) => `${metadata.namespace ?? ''}/${metadata.name}`)).toEqual(['n/one', 'n/p-two']);
  });

  test('an empty one declares nothing', () => {
    expect(buildSource(fileSet({ 'deploy/README.md': '' }), 'deploy', {})).toEqual([]);
  });

  test('the spec adds patches, components and images', () => {
    const files = fileSet({
      'kustomization.yaml': 'resources: [pod.yaml]\nimages: [{name: web, newTag: "1"}]',
      'pod.yaml': 'apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: web, image: web}]}',
    });

    const built = buildSource(files, '', {
      images: [{ name: 'web', newName: 'acme/web' }],
      patches: [{ patch: '[{"op":"add","path":"/metadata/labels","value":{"a":"b"}}]', target: { kind: 'Pod' } }],
      components: ['absent'],
      ignoreMissingComponents: true,
    });

    expect(built).toMatchObject([
      { metadata: { labels: { a: 'b' } }, spec: { containers: [{ image: 'acme/web:1' }] } },
    ]);
  });
});

describe('variables', () => {
  const variables = new Map([
    ['v', 'abcABCabc'],
    ['path', '/path/to/file.tar.gz'],
    ['empty', ''],
    ['n', '42'],
  ]);
  /** Checked against github.com/fluxcd/pkg/envsubst v1.7.0. */
  const rows: [text: string, expected: string][] = [
    ['${v}', 'abcABCabc'],
    ['$${v} $v $$', '${v} $v $'],
    ['${empty:-d} ${no:=d} ${v:=d} ${no=d}', 'd d abcABCabc d'],
    ['${no:=${n}-${no2:=x}}', '42-x'],
    ['${v:3} ${v:3:2} ${v:20} ${v:1:99}', 'ABCabc AB  bcABCabc'],
    ['${v/abc/X} ${v//abc/X} ${v/#abc/X} ${v/%abc/X}', 'XABCabc XABCX XABCabc abcABCX'],
    ['${v^} ${v^^} ${v,,} ${#v}', 'AbcABCabc ABCABCABC abcabcabc 9'],
    [
      '${path##*/} ${path#*/} ${path%.*} ${path%%.*}',
      'file.tar.gz path/to/file.tar.gz /path/to/file.tar /path/to/file',
    ],
  ];
  test.each(rows)('%s', (text, expected) => {
    expect(substituteText(text, variables)).toBe(expected);
  });

  test.each([
    ['${no}', 'variable not set (strict mode): "no"'],
    ['${v', 'missing closing brace'],
    ['${}', 'unable to parse variable name'],
    ['${v-x}', 'missing closing brace'],
  ])('%s is refused', (text, message) => {
    expect(() => substituteText(text, variables)).toThrow(message);
  });

  test('a name that is none is refused', () => {
    expect(() => substituteText('', new Map([['a-b', '']]))).toThrow("'a-b' var name is invalid");
  });

  test('an unquoted number becomes one; an annotation keeps an object as it is', () => {
    const [object, kept] = [{}, { annotations: { 'kustomize.toolkit.fluxcd.io/substitute': 'disabled' } }].map(
      (extra) => ({
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: 'a', ...extra },
        spec: { replicas: '${n}', text: 'n is ${n}' },
      }),
    );

    expect(object && substituteObject(object, variables)['spec']).toEqual({ replicas: 42, text: 'n is 42' });
    expect(kept && substituteObject(kept, variables)).toBe(kept);
  });
});

describe('a kustomize program', () => {
  test('builds what is refused here, with the fields of the spec', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'towpath-kustomize-'));
    // Stands for the program: shows the kustomization it was given as data of an object.
    const script = `#!/bin/sh
printf 'apiVersion: v1\\nkind: ConfigMap\\nmetadata: {name: shown}\\ndata:\\n  text: |\\n'
sed 's/^/    /' "$4/kustomization.yaml"
`;
    const file = join(folder, 'kustomize');
    await writeFile(file, script, { mode: 0o755 });
    const files = fileSet({ 'deploy/kustomization.yaml': 'resources: [a.yaml]\ntransformers: [t.yaml]\n' });
    const source = { files, path: 'deploy', spec: { targetNamespace: 'prod' } };
    const options = { scratchDir: folder, signal: new AbortController().signal };

    const refused = buildWith(source, { ...options, program: undefined });
    await expect(refused).rejects.toThrow('deploy/kustomization.yaml: transformers is not supported');
    const built = await buildWith(source, { ...options, program: { file, path: '/usr/bin:/bin' } });

    const text = 'resources:\n  - a.yaml\ntransformers:\n  - t.yaml\nnamespace: prod\n';
    expect(built).toMatchObject([{ kind: 'ConfigMap', data: { text } }]);
    expect(await readdir(folder)).toEqual(['kustomize']);
    await rm(folder, { recursive: true });
  });
});
