/** The order of jobs: stages, needs, failures. */

import type { PipelinePhase } from '@towpath/api';
import { describe, expect, it } from 'vitest';
import { parseCi } from '../config/parse.ts';
import { planPipeline } from '../config/plan.ts';
import { decidePipeline, type JobState } from './decide.ts';

async function decide(file: string, phases: Readonly<Record<string, PipelinePhase>>) {
  const plan = planPipeline({
    config: await parseCi(file),
    ref: { type: 'branch', name: 'm', source: 'push' },
    predefined: {},
    changedPaths: undefined,
    files: [],
    commitMessage: '',
  });
  if (plan.type === 'skipped') throw new Error(plan.because);
  const states = new Map(Object.entries(phases).map(([name, phase]): [string, JobState] => [name, { phase }]));
  const { actions, phase } = decidePipeline(plan.jobs, states);
  return `${actions.map((action) => `${action.type} ${action.job.name}`).join(', ')} → ${phase}`;
}

const stages = `
stages: [one, two]
a: { stage: one, script: x }
b: { stage: one, script: x, allow_failure: true }
c: { stage: two, script: x }
d: { stage: two, script: x, when: on_failure }
e: { stage: two, script: x, when: always }
m: { stage: two, script: x, when: manual }
`;

const needs = `
stages: [one, two, three]
a: { stage: one, script: x }
b: { stage: two, script: x, needs: [a] }
c: { stage: three, script: x, needs: [a] }
d: { stage: three, script: x, needs: [] }
`;

describe('decidePipeline', () => {
  it.each([
    {
      name: 'the first stage starts',
      file: stages,
      phases: {},
      gives: 'start a, start b, wait c, wait d, wait e, wait m → Pending',
    },
    {
      name: 'the second waits for all of the first',
      file: stages,
      phases: { a: 'Succeeded', b: 'Running' },
      gives: 'wait c, wait d, wait e, wait m → Running',
    },
    {
      name: 'an allowed failure does not count',
      file: stages,
      phases: { a: 'Succeeded', b: 'Failed' },
      gives: 'start c, skip d, start e, skip m → Running',
    },
    {
      name: 'a failure does',
      file: stages,
      phases: { a: 'Failed', b: 'Succeeded' },
      gives: 'skip c, start d, start e, skip m → Running',
    },
    {
      name: 'all passed',
      file: stages,
      phases: { a: 'Succeeded', b: 'Failed', c: 'Succeeded', d: 'Skipped', e: 'Succeeded', m: 'Skipped' },
      gives: ' → Succeeded',
    },
    {
      name: 'one failed',
      file: stages,
      phases: { a: 'Failed', b: 'Succeeded', c: 'Skipped', d: 'Succeeded', e: 'Succeeded', m: 'Skipped' },
      gives: ' → Failed',
    },
    {
      name: 'needs do not wait for stages',
      file: needs,
      phases: {},
      gives: 'start a, wait b, wait c, start d → Pending',
    },
    {
      name: 'needs wait for what they name',
      file: needs,
      phases: { a: 'Succeeded', d: 'Running' },
      gives: 'start b, start c → Running',
    },
    {
      name: 'a failed need skips',
      file: needs,
      phases: { a: 'Failed', d: 'Succeeded' },
      gives: 'skip b, skip c → Running',
    },
  ] satisfies { name: string; file: string; phases: Record<string, PipelinePhase>; gives: string }[])(
    '$name',
    async ({ file, phases, gives }) => {
      expect(await decide(file, phases)).toBe(gives);
    },
  );
});
