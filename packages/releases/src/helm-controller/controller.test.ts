/** One HelmRelease's life against the in-memory API server, without waiting for anything. */

import { readFileSync } from 'node:fs';
import { ConfigMaps, CustomResourceDefinitions, Events, Secrets, ServiceAccounts, type AnyObject } from '@towpath/api';
import { packageChart } from '@towpath/charts';
import { startTestCluster, type TestCluster } from '@towpath/cluster/testing';
import { parseYaml, seededRandom, silentLogger } from '@towpath/kit';
import { FakeClock } from '@towpath/kit/testing';
import { Client, createRecorder, type Result } from '@towpath/runtime';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createReleaseStorage } from '../storage/secrets.ts';
import { createMemory, type ControllerDeps } from './deps.ts';
import { HelmReleasesV2, type HelmRelease, type HelmReleaseSpec } from './helm-release.ts';
import { reconcileHelmRelease } from './reconcile.ts';
import { createChartLoader, sourceTypes } from './source.ts';

const namespace = 'default';
const key = { namespace, name: 'web' };

const chartFiles = (version: string): Record<string, string> => ({
  'Chart.yaml': `apiVersion: v2\nname: web\nversion: ${version}\nappVersion: "1"\n`,
  'values.yaml': 'message: hello\nbroken: false\n',
  'templates/config.yaml':
    '{{ if .Values.broken }}{{ fail "broken" }}{{ end }}apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {message: {{ .Values.message | quote }}}\n',
  'templates/unknown.yaml':
    '{{ if .Values.unknown }}apiVersion: v1\nkind: ConfigMap\nmetadata: {name: more}\nnothing: here\n{{ end }}',
});

class Fixture {
  readonly clock = new FakeClock();
  readonly cluster: TestCluster;
  readonly client: Client;
  readonly deps: ControllerDeps;
  #charts = new Map<string, Uint8Array>();

  private constructor(cluster: TestCluster, clock: FakeClock) {
    this.cluster = cluster;
    this.clock = clock;
    const client = new Client({ transport: cluster.transport(), fieldManager: 'helm-controller' });
    this.client = client;
    this.deps = {
      client,
      clientFor: ({ namespace: place, name }) =>
        new Client({
          transport: cluster.transport({ name: `system:serviceaccount:${place}:${name}`, groups: [] }),
          fieldManager: 'helm-controller',
        }),
      clock,
      random: seededRandom(1),
      log: silentLogger,
      recorder: createRecorder({ client, component: 'helm-controller', clock }),
      renderer: undefined,
      charts: createChartLoader(async (url) => this.#charts.get(url)),
      crossNamespaceRefs: true,
      defaultServiceAccount: '',
      requeueDependencyMs: 30_000,
      memory: createMemory(),
    };
  }

  static async create(): Promise<Fixture> {
    const clock = new FakeClock();
    const cluster = await startTestCluster({ clock });
    const fixture = new Fixture(cluster, clock);
    const file = new URL('../../../../charts/towpath/crds/helm.yaml', import.meta.url);
    const kinds = [parseYaml(readFileSync(file, 'utf8'), { file: 'helm.yaml' }) as AnyObject, helmChartKind];
    for (const kind of kinds) await fixture.client.create(CustomResourceDefinitions, kind);
    return fixture;
  }

  /** The artifact of the HelmChart that the release made, as a source-controller writes it. */
  async publish(version: string): Promise<void> {
    const files = new Map(Object.entries(chartFiles(version)).map(([name, text]) => [name, Buffer.from(text)]));
    const url = `http://source/${version}.tgz`;
    this.#charts.set(url, (await packageChart(files)).data);
    const name = { namespace, name: `${namespace}-web` };
    const chart = await this.client.get(sourceTypes.HelmChart, name);
    const status = { observedGeneration: chart?.metadata.generation, artifact: { url, revision: version, digest: '' } };
    await this.client.patch(sourceTypes.HelmChart, name, { status }, { kind: 'merge', subresource: 'status' });
  }

  async apply(spec: Partial<HelmReleaseSpec>, annotations: Record<string, string> = {}): Promise<void> {
    const chart = { spec: { chart: 'web', sourceRef: { kind: 'HelmRepository', name: 'charts' } } };
    const object = {
      apiVersion: 'helm.toolkit.fluxcd.io/v2',
      kind: 'HelmRelease',
      metadata: { ...key, annotations },
      spec: { interval: '1h', ...(spec.chartRef === undefined && { chart }), ...spec },
    };
    await this.client.patch(HelmReleasesV2, key, object, { kind: 'apply', force: true, fieldManager: 'test' });
  }

  async reconcile(): Promise<Result> {
    return reconcileHelmRelease(key, this.deps, new AbortController().signal);
  }

  /** Applied, its chart published, reconciled to the end. */
  async release(spec: Partial<HelmReleaseSpec>): Promise<HelmRelease | undefined> {
    await this.apply(spec);
    if ((await this.client.get(sourceTypes.HelmChart, { namespace, name: `${namespace}-web` })) === undefined) {
      await this.reconcile();
      await this.publish('1.0.0');
    }
    await this.reconcile();
    return this.client.get(HelmReleasesV2, key);
  }

  message = async (): Promise<unknown> =>
    (await this.client.get(ConfigMaps, { namespace, name: 'web' }))?.data?.['message'];

  reasons = async (): Promise<string[]> =>
    (await this.client.list(Events, { namespace })).items.map((event) => event.reason ?? '');
}

const helmChartKind: AnyObject = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'helmcharts.source.toolkit.fluxcd.io' },
  spec: {
    group: 'source.toolkit.fluxcd.io',
    scope: 'Namespaced',
    names: { kind: 'HelmChart', plural: 'helmcharts', singular: 'helmchart', listKind: 'HelmChartList' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
};

const conditionsOf = (object: HelmRelease | undefined): string[] =>
  (object?.status?.conditions ?? []).map(({ type, status, reason }) => `${type}=${status} ${reason}`);

describe('helm controller', () => {
  let fixture: Fixture;
  beforeEach(async () => {
    fixture = await Fixture.create();
  });
  afterEach(() => fixture.cluster.dispose());

  it('installs, upgrades and uninstalls', async () => {
    const installed = await fixture.release({ values: { message: 'one' } });
    expect(conditionsOf(installed)).toEqual(['Ready=True InstallSucceeded', 'Released=True InstallSucceeded']);
    expect(installed?.status?.history?.[0]).toMatchObject({ version: 1, status: 'deployed', action: 'install' });
    expect(installed?.status?.inventory?.entries).toEqual([{ id: 'default_web__ConfigMap', v: 'v1' }]);
    expect(await fixture.message()).toBe('one');

    const upgraded = await fixture.release({ values: { message: 'two' } });
    expect(conditionsOf(upgraded)).toEqual(['Ready=True UpgradeSucceeded', 'Released=True UpgradeSucceeded']);
    expect(upgraded?.status?.history?.map(({ version, status }) => `${version} ${status}`)).toEqual([
      '2 deployed',
      '1 superseded',
    ]);
    expect(await fixture.message()).toBe('two');

    await fixture.client.delete(HelmReleasesV2, key);
    await fixture.reconcile();
    expect(await fixture.client.get(HelmReleasesV2, key)).toBeUndefined();
    expect(await fixture.message()).toBeUndefined();
    expect((await fixture.client.list(Secrets, { namespace })).items).toEqual([]);
    expect(await fixture.client.get(sourceTypes.HelmChart, { namespace, name: 'default-web' })).toBeUndefined();
    expect(await fixture.reasons()).toEqual([
      'HelmChartCreated',
      'InstallSucceeded',
      'UpgradeSucceeded',
      'UninstallSucceeded',
      'HelmChartDeleted',
    ]);
  });

  it('does nothing about a release that is in sync, whoever made it', async () => {
    await fixture.release({});
    await fixture.reconcile();
    const storage = createReleaseStorage({ ...fixture, namespace });
    expect((await storage.history('web')).map(({ version }) => version)).toEqual([1]);
  });

  it('gives up after a failed upgrade is rolled back, and starts again with a change', async () => {
    await fixture.release({ values: { message: 'one' } });
    const failing = { values: { unknown: true }, upgrade: { remediation: { remediateLastFailure: true } } };
    const failed = await fixture.release(failing);
    expect(conditionsOf(failed)).toEqual([
      'Stalled=True RetriesExceeded',
      'Ready=False RollbackSucceeded',
      'Released=False UpgradeFailed',
      'Remediated=True RollbackSucceeded',
    ]);
    expect(failed?.status).toMatchObject({ failures: 1, upgradeFailures: 1, observedGeneration: 2 });
    expect(failed?.status?.history?.map(({ status }) => status)).toEqual(['deployed', 'failed', 'superseded']);
    expect(await fixture.message()).toBe('one');

    const mended = await fixture.release({ values: { message: 'mended' } });
    expect(conditionsOf(mended)).toEqual(['Ready=True UpgradeSucceeded', 'Released=True UpgradeSucceeded']);
    expect(mended?.status?.failures).toBeUndefined();
  });

  it('tries again after the interval of RetryOnFailure, whatever comes in between, or with a change', async () => {
    const strategy = { name: 'RetryOnFailure', retryInterval: '10m' } as const;
    const failed = await fixture.release({ values: { unknown: true }, install: { strategy } });
    expect(conditionsOf(failed)).toContain('Reconciling=True ProgressingWithRetry');
    const attempts = async (): Promise<number> =>
      (await fixture.reasons()).filter((reason) => reason.endsWith('Failed')).length;
    expect(await attempts()).toBe(1);

    await fixture.clock.advance(60_000);
    const result = await fixture.reconcile();
    expect(result).toMatchObject({ type: 'requeue' });
    expect(await attempts()).toBe(1);
    expect((await fixture.client.get(HelmReleasesV2, key))?.status).toEqual(failed?.status);

    await fixture.clock.advance(10 * 60_000);
    await fixture.reconcile();
    expect(await attempts()).toBe(2);

    const mended = await fixture.release({ values: { message: 'mended' }, install: { strategy } });
    expect(conditionsOf(mended)).toContain('Ready=True UpgradeSucceeded');
  });

  it('corrects drift, and says so', async () => {
    await fixture.release({ driftDetection: { mode: 'enabled' } });
    const webMap = { namespace, name: 'web' };
    await fixture.client.patch(
      ConfigMaps,
      webMap,
      { data: { message: 'by hand' } },
      { kind: 'merge', fieldManager: 'hand' },
    );
    await fixture.reconcile();
    expect(await fixture.message()).toBe('hello');
    const after = await fixture.client.get(HelmReleasesV2, key);
    expect(conditionsOf(after)).toContain('Drifted=False NoDriftDetected');
    const messages = (await fixture.client.list(Events, { namespace })).items.map(({ message }) => message);
    expect(messages).toContain(
      'Cluster state of release default/web.v1 has drifted from the desired state:\nConfigMap/default/web changed (0 additions, 1 changes, 0 removals)',
    );
    expect(messages).toContain(
      'Cluster state of release default/web.v1 has been corrected:\nConfigMap/default/web configured',
    );
  });

  it('leaves what flagger owns as it is', async () => {
    await fixture.release({ driftDetection: { mode: 'enabled' } });
    const webMap = { namespace, name: 'web' };
    const change = { data: { message: 'by flagger' } };
    await fixture.client.patch(ConfigMaps, webMap, change, { kind: 'merge', fieldManager: 'flagger' });
    await fixture.reconcile();
    await fixture.release({ driftDetection: { mode: 'enabled' }, values: { other: 1 } });
    expect(await fixture.message()).toBe('by flagger');
  });

  it('tries again what the chart or the API refused', async () => {
    await fixture.apply({ values: { broken: true } });
    await fixture.reconcile();
    await fixture.publish('1.0.0');
    await expect(fixture.reconcile()).rejects.toThrow('broken');
    const object = await fixture.client.get(HelmReleasesV2, key);
    expect(conditionsOf(object)).toContain('Ready=False InstallFailed');
    expect(object?.status?.installFailures).toBeUndefined();
  });

  it.each([
    { name: 'kubeConfig', spec: { kubeConfig: { secretRef: { name: 'x' } } } },
    { name: 'healthCheckExprs', spec: { healthCheckExprs: [{ apiVersion: 'v1', current: 'true' }] } },
    { name: 'readyExpr', spec: { dependsOn: [{ name: 'x', readyExpr: 'true' }] } },
  ])('refuses $name by name', async ({ name, spec }) => {
    await fixture.apply(spec);
    const result = await fixture.reconcile();
    expect(result.type).toBe('terminal');
    const object = await fixture.client.get(HelmReleasesV2, key);
    expect(object?.status?.conditions?.find(({ type }) => type === 'Stalled')?.message).toContain(name);
  });

  it('acts as the service account that is named', async () => {
    await fixture.client.create(ServiceAccounts, {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { namespace, name: 'nobody' },
    });
    await fixture.apply({ serviceAccountName: 'nobody' });
    await fixture.reconcile();
    await fixture.publish('1.0.0');
    await expect(fixture.reconcile()).rejects.toThrow('cannot list resource "secrets"');
  });

  it('waits for what it depends on', async () => {
    await fixture.apply({ dependsOn: [{ name: 'first' }] });
    expect(await fixture.reconcile()).toEqual({ type: 'requeue', afterMs: 30_000 });
    const object = await fixture.client.get(HelmReleasesV2, key);
    expect(conditionsOf(object)).toContain('Ready=False DependencyNotReady');
  });

  it('unlocks a revision that was left pending', async () => {
    await fixture.release({});
    const storage = createReleaseStorage({ ...fixture, namespace });
    const [left] = await storage.history('web');
    if (left === undefined) throw new Error('there is no revision');
    await storage.update({ ...left, info: { ...left.info, status: 'pending-upgrade' } });
    await fixture.reconcile();
    const object = await fixture.client.get(HelmReleasesV2, key);
    expect(conditionsOf(object)).toContain('Ready=True UpgradeSucceeded');
    expect(await fixture.reasons()).toContain('PendingRelease');
  });
});
