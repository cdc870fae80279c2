/** The demonstration repository's own pipeline, planned as a push would. */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parseCi } from './parse.ts';
import { planPipeline, type PlanInput } from './plan.ts';

const file = join(import.meta.dirname, '../../../../shop/.gitlab-ci.yml');

async function plan(input: Partial<PlanInput>): Promise<string[] | string> {
  const planned = planPipeline({
    config: await parseCi(await readFile(file, 'utf8')),
    ref: { type: 'branch', name: 'master', source: 'push' },
    predefined: { CI_COMMIT_BRANCH: 'master', CI_PIPELINE_IID: '2' },
    changedPaths: undefined,
    files: [],
    commitMessage: '',
    ...input,
  });
  return planned.type === 'skipped' ? planned.because : planned.jobs.map((job) => job.name);
}

it('builds all eleven services at first and on version tags, else what a push changes', async () => {
  const tag = (name: string) => ({
    ref: { type: 'tag' as const, name, source: 'push' },
    predefined: { CI_COMMIT_TAG: name },
  });

  expect(await plan({})).toHaveLength(11);
  expect(await plan(tag('v0.0.1'))).toHaveLength(11);
  expect(await plan(tag('flux-sync'))).toBe('workflow rules do not allow this push');
  expect(await plan({ changedPaths: ['src/frontend/page.css'] })).toEqual(['frontend']);
  expect(await plan({ changedPaths: ['lib/money.ts'] })).toHaveLength(11);
  expect(await plan({ changedPaths: ['deploy/releases/frontend.yaml', 'README.md'] })).toBe(
    'no job is for what this push changes',
  );
});
