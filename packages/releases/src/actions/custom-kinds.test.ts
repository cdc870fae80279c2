import type { AnyObject, ResourceType } from '@towpath/api';
import { CustomResourceDefinitions } from '@towpath/api';
import { startTestCluster, type TestCluster } from '@towpath/cluster/testing';
import { FakeClock } from '@towpath/kit/testing';
import { Client } from '@towpath/runtime';
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

const routeType: ResourceType<AnyObject> = {
  group: 'example.com',
  version: 'v1',
  kind: 'Route',
  plural: 'routes',
  namespaced: true,
};
const key = { namespace: 'default', name: 'frontend' };

function routeFile(spec: string): Record<string, string> {
  return {
    'templates/route.yaml': `apiVersion: example.com/v1\nkind: Route\nmetadata:\n  name: frontend\nspec:\n${spec}`,
  };
}

const oneRoute = '  hosts: ["*"]\n  http:\n  - route:\n    - destination: frontend\n      weight: 100\n';
const withTimeout = `${oneRoute}    timeout: 5s\n`;
const shifted = [
  {
    route: [
      { destination: 'frontend-primary', weight: 95 },
      { destination: 'frontend-canary', weight: 5 },
    ],
  },
];

describe('custom kinds', () => {
  let cluster: TestCluster;
  let action: TestAction;

  beforeEach(async () => {
    const clock = new FakeClock();
    cluster = await startTestCluster({ clock });
    action = actionContext({ transport: cluster.transport(), clock });
    await action.client.create(CustomResourceDefinitions, {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'routes.example.com' },
      spec: {
        group: 'example.com',
        scope: 'Namespaced',
        names: { kind: 'Route', plural: 'routes' },
        versions: [
          {
            name: 'v1',
            served: true,
            storage: true,
            schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
          },
        ],
      },
    });
  });
  afterEach(() => cluster.dispose());

  function clientOf(fieldManager: string): Client {
    return new Client({ transport: cluster.transport(), fieldManager });
  }

  it('are adopted from Git, marks off and ownership on', async () => {
    await clientOf('flux').create(routeType, {
      apiVersion: 'example.com/v1',
      kind: 'Route',
      metadata: {
        ...key,
        labels: { 'fluxcd.io/sync-gc-mark': 'sha256.abc' },
        annotations: { 'fluxcd.io/sync-checksum': 'def', note: 'kept' },
      },
      spec: { hosts: ['old'] },
    });

    await install(action.context, installOptions({ chart: await chartOf(frontendFiles, routeFile(oneRoute)) }));

    const route = await action.client.get(routeType, key);
    expect(route?.metadata.labels).toEqual({ 'app.kubernetes.io/managed-by': 'Helm' });
    expect(route?.metadata.annotations).toEqual({
      note: 'kept',
      'meta.helm.sh/release-name': 'frontend',
      'meta.helm.sh/release-namespace': 'default',
    });
    expect(route?.['spec']).toMatchObject({ hosts: ['*'] });
  });

  it('keep Flagger’s weights when nothing of theirs changes in the chart', async () => {
    const chart = await chartOf(frontendFiles, routeFile(oneRoute));
    await install(action.context, installOptions({ chart }));
    await clientOf('flagger').patch(routeType, key, { spec: { http: shifted } }, { kind: 'merge' });

    await upgrade(action.context, upgradeOptions({ chart, values: { image: { tag: 'v2' } } }));

    expect((await action.client.get(routeType, key))?.['spec']).toEqual({ hosts: ['*'], http: shifted });
  });

  it('keep Flagger’s weights while the chart changes another part of the route', async () => {
    await install(action.context, installOptions({ chart: await chartOf(frontendFiles, routeFile(oneRoute)) }));
    await clientOf('flagger').patch(routeType, key, { spec: { http: shifted } }, { kind: 'merge' });

    await upgrade(action.context, upgradeOptions({ chart: await chartOf(frontendFiles, routeFile(withTimeout)) }));

    const spec = (await action.client.get(routeType, key))?.['spec'];
    expect(spec).toEqual({ hosts: ['*'], http: [{ ...shifted[0], timeout: '5s' }] });
  });
});
