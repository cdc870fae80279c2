import { Deployments, Services, VirtualServices } from '@towpath/api';
import { afterEach, describe, expect, it } from 'vitest';
import { frontendCanary } from './testing/canaries.ts';
import { namespace, startWorld, type World } from './testing/world.ts';

let world: World;

afterEach(async () => {
  await world.dispose();
});

async function initialized(): Promise<void> {
  world = await startWorld(frontendCanary());
  await world.pass(35);
  expect(await world.summary()).toBe('Initialized 0 0');
}

describe('initialisation', () => {
  it('creates the primary, says it is not ready, then switches the apex', async () => {
    world = await startWorld(frontendCanary());
    await world.pass(0);

    expect(await world.summary()).toBe('Initializing 0 0');
    expect(await world.selector('frontend')).toEqual({ app: 'frontend' });

    await world.pass(35);

    expect(await world.summary()).toBe('Initialized 0 0');
    expect(await world.events()).toEqual([
      'Normal Synced all the metrics providers are available!',
      'Warning Synced frontend-primary.microservices-demo not ready: waiting for rollout to finish: observed deployment generation less than desired generation',
      'Normal Synced Initialization done! frontend.microservices-demo',
    ]);
    expect(await world.selector('frontend')).toEqual({ app: 'frontend-primary' });
    expect(await world.selector('frontend-canary')).toEqual({ app: 'frontend' });
    expect(await world.selector('frontend-primary')).toEqual({ app: 'frontend-primary' });
    expect(await world.replicas('frontend')).toBe(0);
    expect(await world.replicas('frontend-primary')).toBe(1);
    expect(await world.weights()).toEqual([100, 0]);
  });

  it('does not let the copy look like Helm’s', async () => {
    await initialized();

    const primary = await world.client.get(Deployments, { namespace, name: 'frontend-primary' });

    expect(primary?.metadata.labels).toEqual({ app: 'frontend-primary' });
    expect(Object.keys(primary?.metadata.annotations ?? {})).not.toContain('meta.helm.sh/release-name');
    expect(primary?.metadata.ownerReferences?.[0]).toMatchObject({ kind: 'Canary', name: 'frontend' });
  });
});

describe('a good revision', () => {
  it('is promoted in nine ticks', async () => {
    await initialized();
    await world.setImage('acme/frontend:v0.0.3');
    const seen: string[] = [await world.summary()];

    for (let tick = 1; tick <= 9; tick++) {
      await world.pass(30);
      seen.push(`${tick * 30}s ${await world.summary()} ${(await world.weights()).join('/')}`);
    }

    expect(seen).toEqual([
      'Progressing 0 0',
      '30s Progressing 5 0 95/5',
      '60s Progressing 10 0 90/10',
      '90s Progressing 15 0 85/15',
      '120s Progressing 20 0 80/20',
      '150s Progressing 25 0 75/25',
      '180s Progressing 30 0 70/30',
      '210s Promoting 0 0 70/30',
      '240s Finalising 0 0 100/0',
      '270s Succeeded 0 0 100/0',
    ]);
    expect((await world.events()).slice(3)).toEqual([
      'Normal Synced New revision detected! Scaling up frontend.microservices-demo',
      'Normal Synced Starting canary analysis for frontend.microservices-demo',
      'Normal Synced Advance frontend.microservices-demo canary weight 5',
      'Normal Synced Advance frontend.microservices-demo canary weight 10',
      'Normal Synced Advance frontend.microservices-demo canary weight 15',
      'Normal Synced Advance frontend.microservices-demo canary weight 20',
      'Normal Synced Advance frontend.microservices-demo canary weight 25',
      'Normal Synced Advance frontend.microservices-demo canary weight 30',
      'Normal Synced Copying frontend.microservices-demo template spec to frontend-primary.microservices-demo',
      'Normal Synced Routing all traffic to primary',
      'Normal Synced Promotion completed! Scaling down frontend.microservices-demo',
    ]);
    expect(await world.image('frontend-primary')).toBe('acme/frontend:v0.0.3');
    expect(await world.replicas('frontend')).toBe(0);
    expect((await world.canary()).status?.conditions).toMatchObject([
      { type: 'Promoted', status: 'True', reason: 'Succeeded' },
    ]);
  });

  it('survives being killed before every tick', async () => {
    await initialized();
    await world.setImage('acme/frontend:v0.0.3');

    for (let tick = 1; tick <= 9; tick++) {
      await world.pass(15);
      await world.restart();
      // Longer than the moment that a starting system is given.
      await world.pass(50);
    }
    await world.pass(2);

    expect(await world.summary()).toBe('Succeeded 0 0');
    expect((await world.events()).filter((event) => event.includes('Advance'))).toHaveLength(6);
  });
});

describe('killed after any write', () => {
  // Every third one here; all of them were tried when this was written.
  it.each([1, 4, 7, 10, 13, 16, 19, 22, 24, 27, 30, 33])('%d: the revision is still promoted, once', async (writes) => {
    world = await startWorld(frontendCanary({ analysis: { ...frontendCanary().spec.analysis, interval: '10s' } }));
    await world.pass(12);
    expect(await world.summary()).toBe('Initialized 0 0');
    world.killAfter(writes);
    await world.setImage('acme/frontend:v0.0.3');
    for (let second = 0; second < 100 && !world.killed; second++) await world.pass(1);

    await world.restart();
    await world.pass(160);

    expect(await world.summary()).toBe('Succeeded 0 0');
    expect(await world.weights()).toEqual([100, 0]);
    expect(await world.replicas('frontend')).toBe(0);
    expect(await world.image('frontend-primary')).toBe('acme/frontend:v0.0.3');
    expect((await world.events()).filter((event) => event.includes('Rolling back'))).toEqual([]);
  });
});

describe('a revision without traffic', () => {
  it('is rolled back after five failed checks, with the cause', async () => {
    await initialized();
    world.script.measure = () => ({ type: 'no-values' });
    world.script.values = (query) => {
      if (!query.includes('sum by (source_workload')) return [];
      const labels = {
        source_workload: 'loadgenerator',
        source_workload_namespace: namespace,
        destination_service: 'frontend.microservices-demo.svc.cluster.local',
      };
      return [{ labels, value: 3 }];
    };
    await world.setImage('acme/frontend:v0.0.3');

    await world.pass(180);
    expect(await world.summary()).toBe('Progressing 5 5');
    await world.pass(30);

    expect(await world.summary()).toBe('Failed 0 0');
    const cause =
      'Warning Diagnosis traffic bypasses the canary: requests reach frontend-primary.microservices-demo through gateway mesh (loadgenerator.microservices-demo calling frontend.microservices-demo.svc.cluster.local), but the Canary routes only gateway frontend: send the load to that gateway (host *), or add mesh to spec.service.gateways (x6)';
    expect((await world.events()).slice(3)).toEqual([
      'Normal Synced New revision detected! Scaling up frontend.microservices-demo',
      'Normal Synced Starting canary analysis for frontend.microservices-demo',
      'Normal Synced Advance frontend.microservices-demo canary weight 5',
      'Warning Synced Halt advancement no values found for istio metric request-duration probably frontend.microservices-demo is not receiving traffic (x5)',
      cause,
      'Warning Synced Rolling back frontend.microservices-demo failed checks threshold reached 5',
      'Warning Synced Canary failed! Scaling down frontend.microservices-demo',
    ]);
    expect(await world.replicas('frontend')).toBe(0);
    expect(await world.weights()).toEqual([100, 0]);
    expect(await world.image('frontend-primary')).toBe('acme/frontend:v0.0.2');
  });

  it('is not tried again until the template changes, and then is', async () => {
    await initialized();
    world.script.measure = () => ({ type: 'no-values' });
    await world.setImage('acme/frontend:v0.0.3');
    await world.pass(215);
    expect(await world.summary()).toBe('Failed 0 0');

    await world.pass(60);
    expect(await world.summary()).toBe('Failed 0 0');
    await world.setImage('acme/frontend:v0.0.4');

    expect(await world.summary()).toBe('Progressing 0 0');
  });
});

describe('changes by others', () => {
  it('restores what a Helm upgrade resets, at once', async () => {
    await initialized();

    const key = { namespace, name: 'frontend' };
    await world.client.patch(Services, key, { spec: { selector: { app: 'frontend' } } }, { kind: 'merge' });
    await world.client.patch(Deployments, key, { spec: { replicas: 1 } }, { kind: 'merge' });
    const routes = [{ route: [{ destination: { host: 'frontend' } }] }];
    await world.client.patch(VirtualServices, key, { spec: { http: routes } }, { kind: 'merge' });
    await world.pass(1);

    expect(await world.selector('frontend')).toEqual({ app: 'frontend-primary' });
    expect(await world.replicas('frontend')).toBe(0);
    expect(await world.weights()).toEqual([100, 0]);
  });

  it('keeps weights during an analysis and owns what it restores', async () => {
    await initialized();
    await world.setImage('acme/frontend:v0.0.3');
    await world.pass(65);

    const key = { namespace, name: 'frontend' };
    await world.client.patch(Services, key, { spec: { selector: { app: 'frontend' } } }, { kind: 'merge' });
    const routes = [{ route: [{ destination: { host: 'frontend' } }] }];
    await world.client.patch(VirtualServices, key, { spec: { http: routes } }, { kind: 'merge' });
    await world.pass(1);

    expect(await world.weights()).toEqual([90, 10]);
    expect([...world.writers]).toEqual(['flagger']);
  });

  it('starts again when the revision changes during the analysis', async () => {
    await initialized();
    await world.setImage('acme/frontend:v0.0.3');
    await world.pass(65);

    await world.setImage('acme/frontend:v0.0.4');

    expect(await world.summary()).toBe('Progressing 0 0');
    expect(await world.weights()).toEqual([100, 0]);
    expect(await world.events()).toContain(
      'Normal Synced New revision detected! Restarting analysis for frontend.microservices-demo',
    );
  });
});

describe('the object', () => {
  it('says what it cannot do', async () => {
    world = await startWorld(frontendCanary({ provider: 'linkerd' }));
    await world.pass(2);

    expect((await world.canary()).status?.conditions).toMatchObject([
      {
        type: 'Promoted',
        status: 'False',
        reason: 'Refused',
        message: 'spec.provider linkerd is not supported, only istio',
      },
    ]);
  });

  it('runs the 2020 form', async () => {
    const canary = frontendCanary();
    const { analysis, ...spec } = canary.spec;
    world = await startWorld({
      ...canary,
      apiVersion: 'flagger.app/v1alpha3',
      spec: { ...spec, ...(analysis && { canaryAnalysis: analysis }) },
    });
    await world.pass(35);
    expect(await world.summary()).toBe('Initialized 0 0');

    await world.setImage('acme/frontend:v0.0.3');
    await world.pass(61);

    expect(await world.summary()).toBe('Progressing 10 0');
  });
});
