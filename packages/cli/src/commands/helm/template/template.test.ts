import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { helmTemplateCommand, templateCommand } from '../template.ts';
import { commandBench, type CommandBench } from '../testing.ts';

const files = {
  'web/Chart.yaml': 'apiVersion: v2\nname: web\nversion: 1.0.0\n',
  'web/values.yaml': 'tag: v1\nextra: {}\nunused: 1\n',
  'web/ci/extra-values.yaml': 'extra: {a: b}\n',
  'web/crds/a.yaml': 'kind: CustomResourceDefinition\n',
  'web/templates/_helpers.tpl': '{{- define "labels" -}}\napp: web\ntag: {{ .Values.tag }}\n{{- end -}}\n',
  'web/templates/a.yaml':
    'kind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\n  labels:\n    {{- include "labels" . | nindent 4 }}\n' +
    '{{- if .Values.extra }}\nextra: {{ toJson .Values.extra }}\n{{- end }}\n',
  'web/templates/hook.yaml': 'kind: Job\nmetadata:\n  name: hook\n  annotations:\n    helm.sh/hook: test\n',
  'asks/Chart.yaml': 'apiVersion: v2\nname: asks\nversion: 1.0.0\n',
  'asks/templates/a.yaml':
    'kind: ConfigMap\nsecret: {{ (lookup "v1" "Secret" .Release.Namespace "db").data | toJson }}\n' +
    'namespaces: {{ len (lookup "v1" "Namespace" "" "").items }}\nword: {{ randAlpha 8 }}\nnow: {{ now | date "2006" }}\n' +
    'host: {{ getHostByName "localhost" | empty }}\n',
  'objects.yaml':
    'apiVersion: v1\nkind: Secret\nmetadata: {name: db}\ndata: {a: Yg==}\n---\n' +
    'apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Namespace, metadata: {name: prod}}\n',
  'broken/Chart.yaml': 'apiVersion: v2\nname: broken\nversion: 1.0.0\n',
  'broken/values.yaml': 'a: {}\n',
  'broken/templates/_h.tpl': '{{ define "inner" }}{{ required "say a.b" .Values.a.b }}{{ end }}\n',
  'broken/templates/x.yaml': 'kind: ConfigMap\nx: {{ include "inner" . }}\n',
  'upper.sh': '#!/bin/sh\necho "# $*"; tr a-z A-Z\n',
  'fails.sh': '#!/bin/sh\necho no >&2; exit 3\n',
  kubeconfig: 'current-context: a\ncontexts: [{name: a, context: {namespace: from-context}}]\n',
  'tag.yaml': 'tag: from-file\n',
  'word.txt': 'from-text',
};

const manifest = (tag: string): string =>
  `---\n# Source: web/templates/a.yaml\nkind: ConfigMap\nmetadata:\n  name: release-name\n  labels:\n    app: web\n    tag: ${tag}\n`;
const hook =
  '---\n# Source: web/templates/hook.yaml\nkind: Job\nmetadata:\n  name: hook\n  annotations:\n    helm.sh/hook: test\n';
const hint = '\n\nUse --debug flag to render out invalid YAML';

describe('template', () => {
  let bench: CommandBench;
  beforeAll(async () => {
    bench = await commandBench(files, { stdin: 'tag: from-stdin\n' });
  });
  afterAll(() => bench.dispose());

  it.each([
    [['web'], manifest('v1') + hook],
    [['web', '--set', 'tag=v2', '--no-hooks'], manifest('v2')],
    [['web', '-f', '-', '--skip-tests'], manifest('from-stdin')],
    [['web', '--set-file', 'tag=word.txt', '--set-string', 'tag=x', '--skip-tests'], manifest('from-text')],
    [['-g', 'web', '--skip-tests=true', '--no-hooks=false'], manifest('v1')],
    [['--dry-run', 'web', '--no-hooks', '--atomic', '--wait', '--timeout', '5m'], manifest('v1')],
    [['--name-template', '{{ "A" | lower }}', 'web', '--no-hooks'], manifest('v1').replace('release-name', 'a')],
    [
      ['web', '--no-hooks', '--post-renderer', './upper.sh', '--post-renderer-args', 'a b'],
      `# a b\n${manifest('v1').toUpperCase()}`,
    ],
    [['web', '-s', 'templates/hook.yaml'], hook],
    [
      ['web', '--include-crds', '--skip-crds', '-s', 'crds/a.yaml'],
      '---\n# Source: web/crds/a.yaml\nkind: CustomResourceDefinition\n',
    ],
  ])('prints what helm prints for %j', async (args, stdout) => {
    expect(await bench.run(helmTemplateCommand, args)).toEqual({ stdout, stderr: '', code: 0 });
  });

  it.each([
    [[], '"helm template" requires at least 1 argument\n\nUsage:  helm template [NAME] [CHART] [flags]'],
    [['a', 'b', 'c'], 'expected at most two arguments, unexpected arguments: c'],
    [['a', 'web', '-g'], 'cannot set --generate-name and also specify a name'],
    [['web', '--kube-version', '1'], 'invalid kube version \'1\': illegal version string "1"'],
    [['web', '--timeout', 'x'], 'invalid argument "x" for "--timeout" flag: time: invalid duration "x"'],
    [['web', '-l', 'x'], 'invalid argument "x" for "-l, --labels" flag: x must be formatted as key=value'],
    [['web', '--dry-run=x'], 'Invalid dry-run flag. Flag must one of the following: false, true, none, client, server'],
    [['web', '-f', 'none.yaml'], 'open none.yaml: no such file or directory'],
    [['web', '-s', 'none'], 'could not find template none in chart'],
    [['./none'], 'path "./none" not found'],
    [['web', '--verify'], 'unpacked charts cannot be verified'],
    [['web', '--explain', '1'], 'unknown flag: --explain'],
    [['broken'], `execution error at (broken/templates/x.yaml:2:6): say a.b${hint}`],
    [
      ['broken', '--debug=false', '--kube-version', '1.30'],
      `execution error at (broken/templates/x.yaml:2:6): say a.b${hint}`,
    ],
  ])('fails as helm fails for %j', async (args, message) => {
    expect(await bench.run(helmTemplateCommand, args)).toEqual({ stdout: '', stderr: `Error: ${message}\n`, code: 1 });
  });

  it('says where and why below the sentence', async () => {
    const { stderr, code } = await bench.run(templateCommand, ['broken']);

    expect(code).toBe(1);
    expect(stderr).toBe(
      [
        'Error: execution error at (broken/templates/x.yaml:2:6): say a.b',
        '  at broken/templates/_h.tpl:1:24',
        '    1 | {{ define "inner" }}{{ required "say a.b" .Values.a.b }}{{ end }}',
        '      |                        ^',
        '  in "inner", included at broken/templates/x.yaml:2:4',
        '  value a.b: nobody set it',
        '  value a: set by broken/values.yaml:1:1 (chart default)',
        '',
      ].join('\n'),
    );
  });

  it('gives the error as data', async () => {
    const { stderr } = await bench.run(templateCommand, ['broken', '-o', 'json']);

    expect(JSON.parse(stderr)).toMatchObject({
      error: { code: 'RENDER_FAILED', file: 'broken/templates/_h.tpl', line: 1, column: 24, valuesPath: 'a.b' },
    });
  });

  it('says what a post-renderer printed when it fails', async () => {
    const { stderr } = await bench.run(helmTemplateCommand, ['web', '--post-renderer', './fails.sh']);

    expect(stderr).toBe(
      'Error: error while running post render on files: error while running command ' +
        `${join(bench.folder, 'fails.sh')}. error output:\nno\n: exit status 3${hint}\n`,
    );
  });

  it('writes a folder', async () => {
    const { stdout } = await bench.run(helmTemplateCommand, ['web', '--output-dir', 'out', '--release-name']);

    expect(stdout).toBe(
      'wrote out/release-name/web/templates/a.yaml\nwrote out/release-name/web/templates/hook.yaml\n\n',
    );
    expect(await readFile(join(bench.folder, 'out/release-name/web/templates/a.yaml'), 'utf8')).toBe(manifest('v1'));
  });

  it('explains lines', async () => {
    const args = ['web', '--no-hooks', '--explain', '2,7-8', '-f', 'tag.yaml', '--set', 'tag=v2'];
    const { stdout } = await bench.run(templateCommand, args);

    expect(stdout).toBe(
      [
        '2: # Source: web/templates/a.yaml',
        '    put there by helm between manifests',
        '7:     app: web',
        '    written by web/templates/_helpers.tpl:2:1',
        '    in "labels", included at web/templates/a.yaml:5:5',
        '8:     tag: v2',
        '    written by web/templates/_helpers.tpl:3:1',
        '    in "labels", included at web/templates/a.yaml:5:5',
        '    value tag: set by --set tag=v2',
        '      over tag.yaml:1:1 (values file)',
        '      over web/values.yaml:1:1 (chart default)',
        '',
      ].join('\n'),
    );
    const tooFar = await bench.run(templateCommand, ['web', '--no-hooks', '--explain', '99']);
    expect(tooFar.stderr).toBe('Error: --explain 99: the output has 8 lines\n');
  });

  it('measures coverage over the files in ci/', async () => {
    const { stdout, code } = await bench.run(templateCommand, ['web', '--coverage', '-o', 'json']);

    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      renders: [{ values: 'values.yaml' }, { values: 'ci/extra-values.yaml' }],
      unreadValues: ['unused'],
      templates: expect.arrayContaining([
        expect.objectContaining({ template: 'web/templates/a.yaml', missedLines: [] }),
      ]),
    });
  });

  it('answers lookup from files', async () => {
    const { stdout } = await bench.run(templateCommand, ['asks', '--lookup', 'objects.yaml']);

    expect(stdout).toContain('secret: {"a":"Yg=="}\nnamespaces: 1\n');
  });

  it('repeats itself when asked to', async () => {
    const args = ['asks', '--lookup', 'objects.yaml', '--deterministic'];
    const [first, second] = [await bench.run(templateCommand, args), await bench.run(templateCommand, args)];

    expect(first.stdout).toContain('now: 2025\nhost: true\n');
    expect(second).toEqual(first);
  });

  it('resolves names with --enable-dns', async () => {
    const args = ['asks', '--lookup', 'objects.yaml', '--enable-dns'];

    expect((await bench.run(templateCommand, args)).stdout).toContain('host: false\n');
  });

  it('takes the namespace of the kubeconfig', async () => {
    const args = ['asks', '--lookup', 'objects.yaml', '--kubeconfig', 'kubeconfig', '-o', 'json'];
    const { stdout } = await bench.run(templateCommand, args);

    expect(JSON.parse(stdout)).toMatchObject({
      release: { namespace: 'from-context' },
      manifests: [{ template: 'asks/templates/a.yaml', kind: 'ConfigMap', object: { secret: { a: 'Yg==' } } }],
    });
  });

  it.each([
    ['--explain', ['--explain', '1', '--output-dir', 'x']],
    ['--coverage', ['--coverage', '--post-renderer', 'cat']],
    ['--coverage', ['--coverage', '--validate']],
    ['--lookup', ['--lookup', 'x', '--dry-run=server']],
  ])('refuses %s with what would leave it without effect', async (flag, args) => {
    expect((await bench.run(templateCommand, ['web', ...args])).stderr).toContain(`Error: ${flag} cannot be used with`);
  });
});
