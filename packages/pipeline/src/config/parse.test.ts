/** .gitlab-ci.yml: what is read, what is refused and where. */

import { describe, expect, it } from 'vitest';
import { parseCi } from './parse.ts';

describe('parseCi', () => {
  it('resolves defaults, anchors defined twice, extends and references', async () => {
    const config = await parseCi(`
stages: [build, test]
variables: { A: one, N: 012345 }
default:
  image: docker:latest
  before_script: [echo before]
.x: &x { script: [first] }
.y: &x { script: [second], tags: [linux] }
.base:
  variables: { B: two, C: three }
  script: [echo base]
.tools:
  script:
    - echo one
    - echo two
a:
  extends: .base
  stage: build
  variables: { C: four }
b:
  <<: *x
c:
  extends: [.base]
  image: { name: node, entrypoint: [""] }
  script:
    - !reference [.tools, script]
    - echo three
`);

    expect(config.stages).toEqual(['.pre', 'build', 'test', '.post']);
    expect(config.variables).toEqual({ A: 'one', N: '5349' });
    expect(
      config.jobs.map(({ name, stage, image, script, variables, beforeScript }) => ({
        name,
        stage,
        image,
        script,
        variables,
        beforeScript,
      })),
    ).toEqual([
      {
        name: 'a',
        stage: 'build',
        image: 'docker:latest',
        script: ['echo base'],
        variables: { B: 'two', C: 'four' },
        beforeScript: ['echo before'],
      },
      {
        name: 'b',
        stage: 'test',
        image: 'docker:latest',
        script: ['second'],
        variables: {},
        beforeScript: ['echo before'],
      },
      {
        name: 'c',
        stage: 'test',
        image: 'node',
        script: ['echo one', 'echo two', 'echo three'],
        variables: { B: 'two', C: 'three' },
        beforeScript: ['echo before'],
      },
    ]);
    expect(config.jobs[1]?.notes).toEqual([expect.stringContaining('runner tags')]);
  });

  it('reads caches, artifacts, needs, timeouts and retries', async () => {
    const config = await parseCi(`
build:
  script: make
  services: [docker:dind]
  timeout: 1h 30m
  retry: { max: 2 }
  cache: { key: { files: [package-lock.json] }, paths: [node_modules/] }
  artifacts: { paths: [dist], expire_in: 1 week, when: always }
test:
  script: [make test]
  needs: [build, { job: lint, optional: true, artifacts: false }]
`);

    expect(config.jobs[0]).toMatchObject({
      timeoutSeconds: 5400,
      retries: 2,
      caches: [{ key: { type: 'files', files: ['package-lock.json'] }, paths: ['node_modules/'], policy: 'pull-push' }],
      artifacts: { paths: ['dist'], when: 'always' },
      notes: [expect.stringContaining('kept until'), expect.stringContaining('docker:dind')],
    });
    expect(config.jobs[1]?.needs).toEqual([
      { job: 'build', optional: false, artifacts: true },
      { job: 'lint', optional: true, artifacts: false },
    ]);
  });

  it('merges local includes below the file', async () => {
    const files: Record<string, string> = {
      'ci/base.yml': '.base: { script: [a] }\nold: { script: [b] }',
      'ci/loop.yml': 'include: /ci/loop.yml',
    };

    const config = await parseCi('include: [/ci/base.yml, { local: ci/loop.yml }]\nnew: { extends: .base }', {
      readLocal: async (path) => files[path],
    });

    expect(config.jobs.map((job) => [job.name, job.script])).toEqual([
      ['old', ['b']],
      ['new', ['a']],
    ]);
  });

  it.each([
    {
      name: 'an unknown job keyword',
      text: 'a:\n  script: x\n  scirpt: y',
      says: '.gitlab-ci.yml:3: the keyword a.scirpt is not supported: it is unknown',
    },
    {
      name: 'a keyword not done',
      text: 'a:\n  script: x\n  parallel: 5',
      says: '.gitlab-ci.yml:3: the keyword a.parallel is not supported',
    },
    {
      name: 'a text where a job should be',
      text: 'scripts: x',
      says: '.gitlab-ci.yml:1: the keyword scripts is not supported',
    },
    { name: 'an unknown stage', text: 'a: { stage: x, script: y }', says: 'names the stage x' },
    { name: 'a job without script', text: 'a:\n  image: x', says: '.gitlab-ci.yml:1: a has no script' },
    { name: 'a circle of extends', text: 'a:\n  extends: b\nb:\n  extends: a', says: 'extends runs in a circle' },
    {
      name: 'a circle of needs',
      text: 'a: {script: x, needs: [b]}\nb: {script: x, needs: [a]}',
      says: 'needs run in a circle: a → b → a',
    },
    { name: 'an unknown need', text: 'a: {script: x, needs: [b]}', says: 'a.needs names b' },
    { name: 'a reference to itself', text: 'a:\n  script:\n    - !reference [a, script]', says: 'nested more than' },
    { name: 'a reference to nothing', text: 'a:\n  script: !reference [b, script]', says: 'names nothing' },
    { name: 'another tag', text: 'a:\n  script: !vault x', says: '.gitlab-ci.yml:2: the tag !vault is not supported' },
    { name: 'a remote include', text: 'include: https://example.com/x.yml', says: 'only include of a local file' },
    { name: 'an include that climbs', text: 'include: ../x.yml', says: 'not a file of the repository' },
    {
      name: 'a database service',
      text: 'a:\n  script: x\n  services: [postgres]',
      says: 'the service postgres cannot be run',
    },
    {
      name: 'an artifact outside',
      text: 'a:\n  script: x\n  artifacts: {paths: [../../x]}',
      says: 'not inside the project',
    },
    { name: 'a cache outside', text: 'a:\n  script: x\n  cache: {paths: [/etc]}', says: 'not inside the project' },
    { name: 'no YAML', text: 'a: [', says: '.gitlab-ci.yml:' },
    { name: 'a list', text: '- a', says: 'not a map of jobs' },
  ])('refuses $name', async ({ text, says }) => {
    await expect(parseCi(text)).rejects.toThrowError(says);
  });

  it('is quick on an alias bomb', async () => {
    const lines = Array.from(
      { length: 30 },
      (_, level) => `k${level}: &k${level} [${`*k${Math.max(0, level - 1)}, `.repeat(level === 0 ? 0 : 9)}1]`,
    );

    await expect(parseCi(lines.join('\n'))).rejects.toMatchObject({ code: 'CI_INVALID' });
  });
});
