import { Deployments, Jobs, type AnyObject } from '@towpath/api';
import { startTestCluster, type TestCluster } from '@towpath/cluster/testing';
import { FakeClock } from '@towpath/kit/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  actionContext,
  chartOf,
  frontendFiles,
  installOptions,
  upgradeOptions,
  type TestAction,
} from '../testing/charts.ts';
import { install } from './install.ts';
import { upgrade } from './upgrade.ts';

const frontend = { namespace: 'default', name: 'frontend' };

describe('hooks', () => {
  let cluster: TestCluster;
  let action: TestAction;
  let clock: FakeClock;

  beforeEach(async () => {
    clock = new FakeClock();
    cluster = await startTestCluster({ clock });
    action = actionContext({ transport: cluster.transport(), clock });
    await install(action.context, installOptions({ chart: await chartOf(frontendFiles) }));
  });
  afterEach(() => cluster.dispose());

  function hookJob(name: string, weight: number, policy = 'before-hook-creation'): string {
    return `apiVersion: batch/v1
kind: Job
metadata:
  name: ${name}
  annotations:
    helm.sh/hook: pre-upgrade
    helm.sh/hook-weight: "${weight}"
    helm.sh/hook-delete-policy: ${policy}
spec:
  template:
    spec:
      restartPolicy: Never
      containers: [{ name: main, image: busybox }]
`;
  }

  /** Ends every Job as soon as it is seen. */
  async function finishJobs(condition: 'Complete' | 'Failed', until: Promise<unknown>): Promise<string[]> {
    const seen: string[] = [];
    let running = true;
    void until.catch(() => {}).finally(() => (running = false));
    while (running) {
      const { items } = await action.client.list(Jobs, { namespace: 'default' });
      for (const job of items as AnyObject[]) {
        if (seen.includes(job.metadata.name)) continue;
        seen.push(job.metadata.name);
        const status = { conditions: [{ type: condition, status: 'True', reason: 'BackoffLimitExceeded' }] };
        const key = { namespace: 'default', name: job.metadata.name };
        await action.client.patch(Jobs, key, { status }, { kind: 'merge', subresource: 'status' });
      }
      await clock.advance(500);
    }
    return seen;
  }

  it('run in order of weight, each awaited, and go as their policy says', async () => {
    const chart = await chartOf(frontendFiles, {
      'templates/second.yaml': hookJob('second', 5, 'hook-succeeded'),
      'templates/first.yaml': hookJob('first', -5),
    });

    const upgrading = upgrade(action.context, upgradeOptions({ chart }));
    const seen = await finishJobs('Complete', upgrading);
    const release = await upgrading;

    expect(seen).toEqual(['first', 'second']);
    expect(release.hooks.map((hook) => hook.last_run.phase)).toEqual(['Succeeded', 'Succeeded']);
    expect(await action.client.get(Jobs, { namespace: 'default', name: 'first' })).toBeDefined();
    expect(await action.client.get(Jobs, { namespace: 'default', name: 'second' })).toBeUndefined();
  });

  it('stop the upgrade when they fail', async () => {
    const chart = await chartOf(frontendFiles, { 'templates/first.yaml': hookJob('first', 0) });

    const upgrading = upgrade(action.context, upgradeOptions({ chart, values: { image: { tag: 'v2' } } }));
    await finishJobs('Failed', upgrading);

    await expect(upgrading).rejects.toThrow('pre-upgrade hooks failed: job first failed: BackoffLimitExceeded');
    expect((await action.context.storage.history('frontend')).map(({ info }) => info.status)).toEqual([
      'deployed',
      'failed',
    ]);
    const deployment = await action.client.get(Deployments, frontend);
    expect(deployment?.spec.template.spec.containers[0]?.image).toBe('frontend:latest');
  });
});
