/** Which jobs a push runs. */

import { describe, expect, it } from 'vitest';
import { evaluateExpression } from './expression.ts';
import { compileGlob } from './glob.ts';
import { parseCi } from './parse.ts';
import { planPipeline, type PlanInput } from './plan.ts';
import { expandVariables } from './variables.ts';

const file = `
workflow:
  rules:
    - if: $CI_COMMIT_TAG
    - if: $CI_COMMIT_BRANCH == "master"
stages: [one, two]
variables: { IMAGE: "acme/$NAME:$TAG", TAG: v0.0.$CI_PIPELINE_IID }
.rules: &rules
  - if: $CI_COMMIT_TAG
    variables: { TAG: $CI_COMMIT_TAG }
b:
  stage: two
  variables: { NAME: b }
  script: x
  needs: [{ job: a, optional: true }]
  rules:
    - *rules
    - changes: [src/b/**/*, shared.txt]
a:
  stage: one
  variables: { NAME: a }
  script: x
  rules:
    - *rules
    - changes: ["src/a/**"]
`;

async function plan(input: Partial<PlanInput>) {
  const result = planPipeline({
    config: await parseCi(file),
    ref: { type: 'branch', name: 'master', source: 'push' },
    predefined: { CI_COMMIT_BRANCH: 'master', CI_PIPELINE_IID: '7' },
    changedPaths: undefined,
    files: [],
    commitMessage: 'x',
    ...input,
  });
  return result.type === 'skipped'
    ? result.because
    : result.jobs.map((job) => `${job.name} ${job.environment['IMAGE']}`);
}

describe('planPipeline', () => {
  it.each([
    { name: 'a first push builds all', input: {}, gives: ['a acme/a:v0.0.7', 'b acme/b:v0.0.7'] },
    { name: 'one folder builds one', input: { changedPaths: ['src/b/x/y.ts'] }, gives: ['b acme/b:v0.0.7'] },
    { name: 'a shared file builds one', input: { changedPaths: ['shared.txt'] }, gives: ['b acme/b:v0.0.7'] },
    {
      name: 'deploy builds nothing',
      input: { changedPaths: ['deploy/a.yaml'] },
      gives: 'no job is for what this push changes',
    },
    {
      name: '[ci skip] builds nothing',
      input: { commitMessage: 'Auto-release x\n\n[ci skip]' },
      gives: 'the commit message says [ci skip]',
    },
    {
      name: 'a tag builds all',
      input: { ref: { type: 'tag' as const, name: 'v0.0.3', source: 'push' }, predefined: { CI_COMMIT_TAG: 'v0.0.3' } },
      gives: ['a acme/a:v0.0.3', 'b acme/b:v0.0.3'],
    },
    {
      name: 'another branch builds nothing',
      input: { predefined: { CI_COMMIT_BRANCH: 'feature' } },
      gives: 'workflow rules do not allow this push',
    },
  ])('$name', async ({ input, gives }) => {
    expect(await plan(input)).toEqual(gives);
  });

  it('knows only and except', async () => {
    const config = await parseCi(`
a: { script: x, only: [tags] }
b: { script: x, only: [/^rel-/] }
c: { script: x, except: [branches] }
d: { script: x, only: { refs: [master], changes: [src/**] } }
e: { script: x }
`);
    const run = (changedPaths: string[]) =>
      planPipeline({
        config,
        ref: { type: 'branch', name: 'master', source: 'push' },
        predefined: {},
        changedPaths,
        files: [],
        commitMessage: '',
      });

    expect(run(['src/a'])).toMatchObject({ jobs: [{ name: 'd' }, { name: 'e' }] });
    expect(run(['x'])).toMatchObject({ jobs: [{ name: 'e' }] });
  });

  it('refuses a need that is not in the pipeline', async () => {
    const config = await parseCi('a: { script: x, rules: [{ if: $X }] }\nb: { script: x, needs: [a] }');
    const input = {
      config,
      ref: { type: 'branch', name: 'm', source: 'push' } as const,
      predefined: {},
      changedPaths: [],
      files: [],
      commitMessage: '',
    };

    expect(() => planPipeline(input)).toThrowError('b needs a, which does not run for this push');
  });
});

describe('evaluateExpression', () => {
  const variables = { A: 'one', EMPTY: '', TAG: 'v0.0.3', PATTERN: '/^V0/i' };

  it.each([
    ['$A', true],
    ['$EMPTY', false],
    ['$NONE', false],
    ['$A == "one"', true],
    ["$A != 'one'", false],
    ['$NONE == null', true],
    ['$EMPTY == null', false],
    ['$TAG =~ /^v\\d+.\\d+.\\d+/', true],
    ['$TAG !~ /^v1/', true],
    ['$TAG =~ $PATTERN', true],
    ['$NONE =~ /x/', false],
    ['$A == "x" || $A == "one" && $TAG', true],
    ['($A == "x" || $A) && $NONE', false],
    ['"one" == $A', true],
    ['${A} == "one"', true],
  ])('%s is %s', (text, value) => {
    expect(evaluateExpression(text, variables, 'x')).toBe(value);
  });

  it.each(['$A ==', '$A = "x"', '(', '$A $B', '$A =~ /(/', '$A =~ /(?=x)/'])('refuses %s', (text) => {
    expect(() => evaluateExpression(text, variables, 'file:3')).toThrowError('file:3: the expression');
  });

  it('is quick on a pattern that backtracks', () => {
    const long = { A: 'a'.repeat(5000) };

    expect(evaluateExpression('$A =~ /(a+)+$b/', long, 'x')).toBe(false);
  });
});

describe('compileGlob', () => {
  it.each([
    ['src/**/*', 'src/a/b.ts', true],
    ['src/**', 'src/a/b.ts', true],
    ['src/*', 'src/a/b.ts', false],
    ['*.md', 'docs/a.md', false],
    ['**/*.md', 'docs/a.md', true],
    ['**/*.md', 'a.md', true],
    ['{a,b}/*', 'b/x', true],
    ['a.c', 'abc', false],
    ['[a-c]x', 'bx', true],
    ['[!a]x', 'ax', false],
    ['src/a b+(c).ts', 'src/a b+(c).ts', true],
  ])('%s on %s is %s', (pattern, path, value) => {
    expect(compileGlob(pattern)(path)).toBe(value);
  });
});

describe('expandVariables', () => {
  it('expands nested names, keeps $$ as a dollar and stops at circles', () => {
    expect(expandVariables({ A: '$B-${C}', B: '$$x', C: '$D', X: '$Y', Y: '$X' })).toEqual({
      A: '$x-',
      B: '$x',
      C: '',
      X: '$X',
      Y: '$Y',
    });
  });
});
