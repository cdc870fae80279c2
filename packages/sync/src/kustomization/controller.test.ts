import { ConfigMaps, Deployments, findCondition, reconcileRequestAnnotation, Secrets } from '@towpath/api';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Kustomizations, type Kustomization } from './kinds.ts';
import { namespace, startFixture, type Fixture } from './testing/fixture.ts';

let fixture: Fixture;

beforeEach(async () => {
  fixture = await startFixture();
});
afterEach(() => fixture.dispose());

function configMap(name: string, value: string, annotations: Record<string, string> = {}): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, annotations }, data: { value } });
}

const isReady =
  (revision: string) =>
  ({ status, metadata }: Kustomization): boolean =>
    findCondition(status?.conditions, 'Ready')?.status === 'True' &&
    status?.lastAppliedRevision === revision &&
    status.observedGeneration === metadata.generation;

const hasReason =
  (reason: string) =>
  ({ status }: Kustomization): boolean =>
    findCondition(status?.conditions, 'Ready')?.reason === reason;

const valueOf = async (name: string): Promise<string | undefined> =>
  (await fixture.client.get(ConfigMaps, { namespace, name }))?.data?.['value'];

describe('kustomize-controller', () => {
  test('applies a revision: labels, inventory, conditions, events', async () => {
    await fixture.source('main@sha1:1', { 'deploy/a.yaml': configMap('a', 'one') });
    await fixture.kustomization('app', { path: './deploy' });

    await fixture.start();
    const { status, metadata } = await fixture.until('app', isReady('main@sha1:1'));

    const live = await fixture.client.get(ConfigMaps, { namespace, name: 'a' });
    expect(live?.metadata.labels).toEqual({
      'kustomize.toolkit.fluxcd.io/name': 'app',
      'kustomize.toolkit.fluxcd.io/namespace': namespace,
    });
    expect(live?.metadata.managedFields?.map(({ manager, operation }) => `${manager} ${operation}`)).toEqual([
      'kustomize-controller Apply',
    ]);
    expect(metadata.finalizers).toEqual(['finalizers.fluxcd.io']);
    expect(status?.inventory).toEqual({ entries: [{ id: 'flux-system_a__ConfigMap', v: 'v1' }] });
    expect(status?.conditions).toMatchObject([
      { type: 'Ready', reason: 'ReconciliationSucceeded', message: 'Applied revision: main@sha1:1' },
    ]);
    expect(status?.history).toMatchObject([
      { lastReconciledStatus: 'ReconciliationSucceeded', totalReconciliations: 1 },
    ]);
    const events = await fixture.eventually(async () => {
      const list = await fixture.events();
      return list.length >= 2 && list;
    });
    expect(events[0]).toMatchObject({
      reason: 'Progressing',
      message: 'ConfigMap/flux-system/a created',
      metadata: { annotations: { 'kustomize.toolkit.fluxcd.io/revision': 'main@sha1:1' } },
    });
    expect(events[1]?.reason).toBe('ReconciliationSucceeded');
    expect(events[1]?.message).toMatch(/^Reconciliation finished in \S+, next run in 1h0m0s$/);
  });

  test('prunes what the next revision leaves out, but for what says no', async () => {
    const kept = { 'kustomize.toolkit.fluxcd.io/prune': 'disabled' };
    await fixture.source('main@sha1:1', { 'a.yaml': configMap('a', '1'), 'k.yaml': configMap('k', '1', kept) });
    await fixture.kustomization('app');
    await fixture.start();
    await fixture.until('app', isReady('main@sha1:1'));

    await fixture.source('main@sha1:2', { 'b.yaml': configMap('b', '2') });
    const { status } = await fixture.until('app', isReady('main@sha1:2'));

    expect([await valueOf('a'), await valueOf('b'), await valueOf('k')]).toEqual([undefined, '2', '1']);
    expect(status?.inventory?.entries).toEqual([{ id: 'flux-system_b__ConfigMap', v: 'v1' }]);
  });

  test('corrects drift when asked, and leaves fields of others', async () => {
    await fixture.source('main@sha1:1', { 'a.yaml': configMap('a', 'one') });
    await fixture.kustomization('app');
    await fixture.start();
    await fixture.until('app', isReady('main@sha1:1'));
    const key = { namespace, name: 'a' };
    await fixture.client.patch(ConfigMaps, key, { data: { value: 'changed', other: 'kept' } }, { kind: 'merge' });

    const metadata = { annotations: { [reconcileRequestAnnotation]: 'now' } };
    await fixture.client.patch(Kustomizations, { namespace, name: 'app' }, { metadata }, { kind: 'merge' });
    await fixture.until('app', ({ status }) => status?.lastHandledReconcileAt === 'now');

    expect((await fixture.client.get(ConfigMaps, key))?.data).toEqual({ value: 'one', other: 'kept' });
  });

  test('a dependent goes on as soon as what it depends on is ready', async () => {
    await fixture.source('main@sha1:1', { 'a/a.yaml': configMap('a', '1'), 'b/b.yaml': configMap('b', 'v${v:=2}') });
    await fixture.kustomization('b', {
      path: 'b',
      dependsOn: [{ name: 'a' }],
      postBuild: { substituteStrategy: 'Always' },
    });
    await fixture.start();
    const waiting = await fixture.until('b', hasReason('DependencyNotReady'));

    await fixture.kustomization('a', { path: 'a' });
    await fixture.until('b', isReady('main@sha1:1'));

    expect(findCondition(waiting.status?.conditions, 'Ready')?.message).toContain(
      "dependency 'flux-system/a' not found",
    );
    expect(await valueOf('b')).toBe('v2');
  });

  test('a newer revision ends the wait for the health of an older one', async () => {
    const deployment = (image: string): string =>
      JSON.stringify({
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: 'web' },
        spec: {
          selector: { matchLabels: { app: 'web' } },
          template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image }] } },
        },
      });
    await fixture.source('main@sha1:1', { 'web.yaml': deployment('web:1') });
    await fixture.kustomization('app', { wait: true, timeout: '5m' });
    await fixture.start();
    await fixture.until('app', ({ status }) => findCondition(status?.conditions, 'Healthy')?.status === 'Unknown');

    await fixture.source('main@sha1:2', { 'a.yaml': configMap('a', 'one') });
    await fixture.until('app', isReady('main@sha1:2'));

    expect(await fixture.client.get(Deployments, { namespace, name: 'web' })).toBeUndefined();
    expect((await fixture.events()).map(({ message }) => message)).toContain(
      'Health checks canceled due to new reconciliation triggered by GitRepository/flux-system/app',
    );
  });

  test('variables come from Secrets, and one that is not set is named', async () => {
    await fixture.source('main@sha1:1', { 'a.yaml': configMap('a', 'v-${secret}-${missing}') });
    const data = { secret: Buffer.from('s3').toString('base64') };
    await fixture.client.create(Secrets, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'vars', namespace },
      data,
    });
    const substituteFrom = [{ kind: 'Secret', name: 'vars' }];
    await fixture.kustomization('app', { postBuild: { substituteFrom } });
    await fixture.start();
    const { status } = await fixture.until('app', hasReason('BuildFailed'));

    await fixture.kustomization('app', { postBuild: { substituteFrom, substitute: { missing: 'm' } } });
    await fixture.until('app', isReady('main@sha1:1'));

    expect(findCondition(status?.conditions, 'Ready')?.message).toBe(
      "post build failed for 'ConfigMap.v1.[noGrp]/a': envsubst error: variable substitution failed: " +
        'variable not set (strict mode): "missing"',
    );
    expect(findCondition(status?.conditions, 'Reconciling')?.reason).toBe('ProgressingWithRetry');
    expect(await valueOf('a')).toBe('v-s3-m');
  });

  test('what is not supported is refused by name', async () => {
    await fixture.source('main@sha1:1', { 'a.yaml': configMap('a', '1') });
    await fixture.kustomization('app', { decryption: { provider: 'sops' } });

    await fixture.start();
    const { status } = await fixture.until('app', hasReason('NotSupported'));

    expect(findCondition(status?.conditions, 'Stalled')?.message).toContain(
      'spec.decryption is not supported by Towpath',
    );
    expect(await valueOf('a')).toBeUndefined();
  });

  test('a bad manifest, a missing path, a missing source: each has its reason', async () => {
    await fixture.source('main@sha1:1', { 'bad/a.yaml': 'kind: ConfigMap\n', 'rbac/a.yaml': configMap('A_', '1') });
    await fixture.kustomization('bad', { path: 'bad' });
    await fixture.kustomization('absent', { path: 'absent' });
    await fixture.kustomization('invalid', { path: 'rbac' });
    await fixture.kustomization('lost', { sourceRef: { kind: 'GitRepository', name: 'lost' } });

    await fixture.start();
    const bad = await fixture.until('bad', hasReason('BuildFailed'));
    const absent = await fixture.until('absent', hasReason('ArtifactFailed'));
    const invalid = await fixture.until('invalid', hasReason('ReconciliationFailed'));
    const lost = await fixture.until('lost', hasReason('ArtifactFailed'));

    const message = ({ status }: Kustomization): string => findCondition(status?.conditions, 'Ready')?.message ?? '';
    expect(message(bad)).toContain('kustomize build failed: failed to decode Kubernetes YAML from bad/a.yaml');
    expect(message(absent)).toContain('kustomization path not found');
    expect(message(invalid)).toContain('ConfigMap/flux-system/A_ dry-run failed (Invalid)');
    expect(message(lost)).toBe('gitrepositories.source.toolkit.fluxcd.io "lost" not found');
  });

  test('deleting it deletes what it applied', async () => {
    await fixture.source('main@sha1:1', { 'a.yaml': configMap('a', '1') });
    await fixture.kustomization('app');
    await fixture.start();
    await fixture.until('app', isReady('main@sha1:1'));

    await fixture.client.delete(Kustomizations, { namespace, name: 'app' });
    const isGone = async (): Promise<boolean> =>
      (await fixture.client.get(Kustomizations, { namespace, name: 'app' })) === undefined;
    await fixture.eventually(isGone);

    expect(await valueOf('a')).toBeUndefined();
  });

  test('objects that only may be created once, merged or left alone', async () => {
    const ssa = (mode: string): Record<string, string> => ({ 'kustomize.toolkit.fluxcd.io/ssa': mode });
    const files = (value: string): Record<string, string> => ({
      'once.yaml': configMap('once', value, ssa('IfNotPresent')),
      'never.yaml': configMap('never', value, ssa('Ignore')),
    });
    await fixture.source('main@sha1:1', files('1'));
    await fixture.kustomization('app');
    await fixture.start();
    await fixture.until('app', isReady('main@sha1:1'));

    await fixture.source('main@sha1:2', files('2'));
    await fixture.until('app', isReady('main@sha1:2'));

    expect([await valueOf('once'), await valueOf('never')]).toEqual(['1', undefined]);
  });
});
