import { ConfigMaps, Deployments, Secrets, Services, type Service } from '@towpath/api';
import { startTestCluster, type TestCluster } from '@towpath/cluster/testing';
import { FakeClock } from '@towpath/kit/testing';
import { Client } from '@towpath/runtime';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hasCode } from '../errors.ts';
import {
  actionContext,
  chartOf,
  frontendFiles,
  installOptions,
  upgradeOptions,
  type TestAction,
} from '../testing/charts.ts';
import { install } from './install.ts';
import { rollback } from './rollback.ts';
import { uninstall } from './uninstall.ts';
import { upgrade } from './upgrade.ts';

const frontend = { namespace: 'default', name: 'frontend' };

function configMapYaml(name: string, extra = ''): string {
  return `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\n${extra}data:\n  key: value\n`;
}

describe('actions', () => {
  let cluster: TestCluster;
  let action: TestAction;
  let clock: FakeClock;

  beforeEach(async () => {
    clock = new FakeClock();
    cluster = await startTestCluster({ clock });
    action = actionContext({ transport: cluster.transport(), clock });
  });
  afterEach(() => cluster.dispose());

  /** Somebody else's client. */
  function clientOf(fieldManager: string): Client {
    return new Client({ transport: cluster.transport(), fieldManager });
  }

  async function installed(values: Record<string, unknown> = {}): Promise<void> {
    await install(action.context, installOptions({ chart: await chartOf(frontendFiles), values }));
    action.said.length = 0;
  }

  async function historyOf(name = 'frontend'): Promise<[number, string, string | undefined][]> {
    const history = await action.context.storage.history(name);
    return history.map(({ version, info }) => [version, info.status, info.description]);
  }

  const rollbackOptions = {
    name: 'frontend',
    wait: false,
    waitForJobs: false,
    timeoutMs: 60_000,
    disableHooks: false,
    force: false,
    strictThreeWay: false,
    dryRun: false,
    cleanupOnFail: false,
    historyMax: 10,
  };
  const uninstallOptions = {
    name: 'frontend',
    keepHistory: false,
    disableHooks: false,
    dryRun: false,
    ignoreNotFound: false,
    wait: false,
    timeoutMs: 60_000,
    cascade: 'Background',
    description: undefined,
  } as const;

  describe('install', () => {
    it('creates the objects as the release’s own and records revision 1', async () => {
      await installed();

      const service = await action.client.get(Services, frontend);
      expect(service?.metadata.labels).toEqual({ 'app.kubernetes.io/managed-by': 'Helm' });
      expect(service?.metadata.annotations).toEqual({
        'meta.helm.sh/release-name': 'frontend',
        'meta.helm.sh/release-namespace': 'default',
      });
      expect(await historyOf()).toEqual([[1, 'deployed', 'Install complete']]);
    });

    it('refuses an object that is somebody else’s, with Helm’s words, and writes nothing', async () => {
      await clientOf('kubectl').create(ConfigMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { ...frontend } });
      const chart = await chartOf(frontendFiles, { 'templates/service.yaml': configMapYaml('frontend') });

      await expect(install(action.context, installOptions({ chart }))).rejects.toThrow(
        'Unable to continue with install: ConfigMap "frontend" in namespace "default" exists and cannot be imported into ' +
          'the current release: invalid ownership metadata; label validation error: missing key ' +
          '"app.kubernetes.io/managed-by": must be set to "Helm"; annotation validation error: missing key ' +
          '"meta.helm.sh/release-name": must be set to "frontend"; annotation validation error: missing key ' +
          '"meta.helm.sh/release-namespace": must be set to "default"',
      );
      expect(await historyOf()).toEqual([]);
      expect(await action.client.get(Deployments, frontend)).toBeUndefined();
    });

    it('adopts what came from a plain manifest in Git, and takes the sync marks off in the same patch', async () => {
      await clientOf('flux').create(ConfigMaps, {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: {
          ...frontend,
          labels: { 'fluxcd.io/sync-gc-mark': 'sha256.abc', team: 'shop' },
          annotations: { 'fluxcd.io/sync-checksum': 'def' },
        },
        data: { key: 'old' },
      });
      const chart = await chartOf(frontendFiles, { 'templates/service.yaml': configMapYaml('frontend') });

      await install(action.context, installOptions({ chart }));

      const adopted = await action.client.get(ConfigMaps, frontend);
      expect(adopted?.metadata.labels).toEqual({ team: 'shop', 'app.kubernetes.io/managed-by': 'Helm' });
      expect(adopted?.metadata.annotations).toEqual({
        'meta.helm.sh/release-name': 'frontend',
        'meta.helm.sh/release-namespace': 'default',
      });
      expect(adopted?.data).toEqual({ key: 'value' });
    });

    it('refuses a name in use', async () => {
      await installed();

      const again = install(action.context, installOptions({ chart: await chartOf(frontendFiles) }));
      await expect(again).rejects.toThrow('cannot re-use a name that is still in use');
    });

    it('names a kind that the API does not serve, and leaves no trace', async () => {
      const monitor = 'apiVersion: monitoring.coreos.com/v1\nkind: ServiceMonitor\nmetadata:\n  name: frontend\n';
      const chart = await chartOf(frontendFiles, { 'templates/monitor.yaml': monitor });

      await expect(install(action.context, installOptions({ chart }))).rejects.toThrow(
        'no matches for kind "ServiceMonitor" in version "monitoring.coreos.com/v1"',
      );
      expect(await historyOf()).toEqual([]);
    });

    it('marks the revision failed when the API refuses an object', async () => {
      const broken = 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: Not_A_Name\n';
      const chart = await chartOf(frontendFiles, { 'templates/broken.yaml': broken });

      await expect(install(action.context, installOptions({ chart }))).rejects.toThrow('Not_A_Name');
      expect((await historyOf())[0]?.slice(0, 2)).toEqual([1, 'failed']);
    });

    it('leaves nothing behind with atomic', async () => {
      const broken = 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: Not_A_Name\n';
      const chart = await chartOf(frontendFiles, { 'templates/broken.yaml': broken });

      await expect(install(action.context, installOptions({ chart, atomic: true }))).rejects.toThrow(
        'release frontend failed, and has been uninstalled due to atomic being set',
      );
      expect(await historyOf()).toEqual([]);
      expect(await action.client.get(Services, frontend)).toBeUndefined();
    });

    it('writes nothing in a dry run', async () => {
      const chart = await chartOf(frontendFiles);

      const release = await install(action.context, installOptions({ chart, dryRun: 'server' }));

      expect(release.info.description).toBe('Dry run complete');
      expect(release.manifest).toContain('# Source: frontend/templates/service.yaml');
      expect((await action.client.list(Secrets, { namespace: 'default' })).items).toEqual([]);
    });

    it('creates CRDs first and then objects of their kinds', async () => {
      const crd = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: lamps.example.com
spec:
  group: example.com
  scope: Namespaced
  names: { kind: Lamp, plural: lamps }
  versions:
    - { name: v1, served: true, storage: true, schema: { openAPIV3Schema: { type: object, x-kubernetes-preserve-unknown-fields: true } } }
`;
      const lamp = 'apiVersion: example.com/v1\nkind: Lamp\nmetadata:\n  name: hall\nspec:\n  lit: true\n';
      const chart = await chartOf(frontendFiles, { 'crds/lamp.yaml': crd, 'templates/lamp.yaml': lamp });

      await install(action.context, installOptions({ chart }));

      const type = await action.client.resourceFor({ apiVersion: 'example.com/v1', kind: 'Lamp' });
      expect(type?.plural).toBe('lamps');
      expect(await action.client.get(type as never, { namespace: 'default', name: 'hall' })).toMatchObject({
        spec: { lit: true },
      });
    });
  });

  describe('upgrade', () => {
    it('says what the Helm client says', async () => {
      await installed();

      await upgrade(
        action.context,
        upgradeOptions({ chart: await chartOf(frontendFiles), values: { name: 'frontend-hipster' } }),
      );

      expect(action.said).toEqual([
        'preparing upgrade for frontend',
        'performing update for frontend',
        'creating upgraded release for frontend',
        'checking 2 resources for changes',
        'Looks like there are no changes for Service "frontend"',
        'Created a new Deployment called "frontend-hipster" in default\n',
        'Deleting "frontend" in default...',
        'updating status for upgraded release for frontend',
      ]);
      expect(await historyOf()).toEqual([
        [1, 'superseded', 'Install complete'],
        [2, 'deployed', 'Upgrade complete'],
      ]);
      expect(await action.client.get(Deployments, frontend)).toBeUndefined();
    });

    it('says what a comparison needs and changes nothing', async () => {
      await installed();

      await upgrade(action.context, upgradeOptions({ chart: await chartOf(frontendFiles), dryRun: 'server' }));

      expect(action.said).toEqual([
        'preparing upgrade for frontend',
        'performing update for frontend',
        'dry run for frontend',
      ]);
      expect(await historyOf()).toEqual([[1, 'deployed', 'Install complete']]);
    });

    it('leaves what Flagger changed alone, and changes the image beside it', async () => {
      await installed();
      const flagger = clientOf('flagger');
      await flagger.patch(Services, frontend, { spec: { selector: { app: 'frontend-primary' } } }, { kind: 'merge' });
      await flagger.patch(Deployments, frontend, { spec: { replicas: 0 } }, { kind: 'merge' });

      await upgrade(
        action.context,
        upgradeOptions({ chart: await chartOf(frontendFiles), values: { image: { tag: 'v0.0.3' } } }),
      );

      const service = await action.client.get<Service>(Services, frontend);
      const deployment = await action.client.get(Deployments, frontend);
      expect(service?.spec.selector).toEqual({ app: 'frontend-primary' });
      expect(deployment?.spec.replicas).toBe(0);
      expect(deployment?.spec.template.spec.containers[0]?.image).toBe('frontend:v0.0.3');
    });

    it('puts Flagger’s changes back when told to merge strictly', async () => {
      await installed();
      const flagger = clientOf('flagger');
      await flagger.patch(Services, frontend, { spec: { selector: { app: 'frontend-primary' } } }, { kind: 'merge' });

      await upgrade(action.context, upgradeOptions({ chart: await chartOf(frontendFiles), strictThreeWay: true }));

      expect((await action.client.get<Service>(Services, frontend))?.spec.selector).toEqual({ app: 'frontend' });
    });

    it('keeps an object whose policy says so', async () => {
      const annotations = '  annotations:\n    helm.sh/resource-policy: keep\n';
      const chart = await chartOf(frontendFiles, { 'templates/kept.yaml': configMapYaml('kept', annotations) });
      await install(action.context, installOptions({ chart }));

      await upgrade(action.context, upgradeOptions({ chart: await chartOf(frontendFiles) }));

      expect(await action.client.get(ConfigMaps, { namespace: 'default', name: 'kept' })).toBeDefined();
    });

    it('does not delete what a plain manifest in Git has taken over', async () => {
      const chart = await chartOf(frontendFiles, { 'templates/moved.yaml': configMapYaml('moved') });
      await install(action.context, installOptions({ chart }));
      const moved = { namespace: 'default', name: 'moved' };
      const mark = { metadata: { labels: { 'fluxcd.io/sync-gc-mark': 'sha256.abc' } } };
      await clientOf('flux').patch(ConfigMaps, moved, mark, { kind: 'merge' });

      await upgrade(action.context, upgradeOptions({ chart: await chartOf(frontendFiles) }));

      expect(await action.client.get(ConfigMaps, moved)).toBeDefined();
    });

    it.each([
      { name: 'no new values keep the last ones', policy: 'default', values: {}, want: 'acme:v1' },
      { name: 'reset forgets them', policy: 'reset', values: {}, want: 'frontend:latest' },
      { name: 'reuse merges', policy: 'reuse', values: { image: { tag: 'v2' } }, want: 'acme:v2' },
      { name: 'new values alone replace', policy: 'default', values: { image: { tag: 'v2' } }, want: 'frontend:v2' },
    ] as const)('$name', async ({ policy, values, want }) => {
      await installed({ image: { repository: 'acme', tag: 'v1' } });

      await upgrade(
        action.context,
        upgradeOptions({ chart: await chartOf(frontendFiles), values, valuesPolicy: policy }),
      );

      const deployment = await action.client.get(Deployments, frontend);
      expect(deployment?.spec.template.spec.containers[0]?.image).toBe(want);
    });

    it('refuses while another operation is pending', async () => {
      await installed();
      const [release] = await action.context.storage.history('frontend');
      if (release !== undefined) {
        await action.context.storage.update({ ...release, info: { ...release.info, status: 'pending-upgrade' } });
      }

      await expect(upgrade(action.context, upgradeOptions({ chart: await chartOf(frontendFiles) }))).rejects.toThrow(
        'another operation (install/upgrade/rollback) is in progress',
      );
    });

    it('rolls an upgrade that was killed half-way forward', async () => {
      const extra = { 'templates/half.yaml': configMapYaml('half') };
      await installed();
      const half = await upgrade(
        action.context,
        upgradeOptions({ chart: await chartOf(frontendFiles, extra), values: { image: { tag: 'v2' } } }),
      );
      const first = await action.context.storage.get('frontend', 1);
      await action.context.storage.update({ ...first, info: { ...first.info, status: 'deployed' } });
      await action.context.storage.update({ ...half, info: { ...half.info, status: 'pending-upgrade' } });

      await upgrade(
        action.context,
        upgradeOptions({ chart: await chartOf(frontendFiles), values: { image: { tag: 'v3' } }, recoverPending: true }),
      );

      expect(await historyOf()).toEqual([
        [1, 'superseded', 'Install complete'],
        [2, 'failed', 'interrupted: the process that ran it was killed'],
        [3, 'deployed', 'Upgrade complete'],
      ]);
      const deployment = await action.client.get(Deployments, frontend);
      expect(deployment?.spec.template.spec.containers[0]?.image).toBe('frontend:v3');
      // What only the killed upgrade had made is gone as well.
      expect(await action.client.get(ConfigMaps, { namespace: 'default', name: 'half' })).toBeUndefined();
    });

    it('marks a failed upgrade and keeps the deployed revision', async () => {
      await installed();
      const broken = await chartOf(frontendFiles, { 'templates/x.yaml': configMapYaml('Not_A_Name') });

      await expect(upgrade(action.context, upgradeOptions({ chart: broken }))).rejects.toThrow(
        'failed to create resource',
      );

      const history = await historyOf();
      expect(history.map(([version, status]) => [version, status])).toEqual([
        [1, 'deployed'],
        [2, 'failed'],
      ]);
      expect(history[1]?.[2]).toContain('Upgrade "frontend" failed: failed to create resource');
    });

    it('rolls back with atomic', async () => {
      await installed();
      const broken = await chartOf(frontendFiles, { 'templates/x.yaml': configMapYaml('Not_A_Name') });
      const options = upgradeOptions({ chart: broken, atomic: true, values: { name: 'other' } });

      // Nothing runs the Deployment here: the rollback's wait ends when the test's time does.
      const upgraded = upgrade(action.context, { ...options, timeoutMs: 0 });

      await expect(upgraded).rejects.toSatisfy(
        (error) => hasCode(error, 'WAIT_TIMEOUT') || hasCode(error, 'RELEASE_FAILED'),
      );
      expect(await action.client.get(Deployments, frontend)).toBeDefined();
      expect(await action.client.get(Deployments, { namespace: 'default', name: 'other' })).toBeUndefined();
    });

    it('says that there is nothing to upgrade', async () => {
      await expect(upgrade(action.context, upgradeOptions({ chart: await chartOf(frontendFiles) }))).rejects.toThrow(
        '"frontend" has no deployed releases',
      );
    });
  });

  describe('rollback', () => {
    it('makes a new revision of an old one', async () => {
      await installed();
      await upgrade(
        action.context,
        upgradeOptions({ chart: await chartOf(frontendFiles), values: { image: { tag: 'v2' } } }),
      );

      await rollback(action.context, { ...rollbackOptions, revision: 1 });

      expect(await historyOf()).toEqual([
        [1, 'superseded', 'Install complete'],
        [2, 'superseded', 'Upgrade complete'],
        [3, 'deployed', 'Rollback to 1'],
      ]);
      const deployment = await action.client.get(Deployments, frontend);
      expect(deployment?.spec.template.spec.containers[0]?.image).toBe('frontend:latest');
    });

    it('names a revision that is not there', async () => {
      await installed();

      await expect(rollback(action.context, { ...rollbackOptions, revision: 7 })).rejects.toThrow(
        'release has no 7 version',
      );
    });
  });

  describe('uninstall', () => {
    it('removes the objects and the history', async () => {
      await installed();

      await uninstall(action.context, uninstallOptions);

      expect(await action.client.get(Services, frontend)).toBeUndefined();
      expect(await action.client.get(Deployments, frontend)).toBeUndefined();
      expect(await historyOf()).toEqual([]);
    });

    it('keeps the history when asked, and the name can be installed again', async () => {
      await installed();

      await uninstall(action.context, { ...uninstallOptions, keepHistory: true });
      const chart = await chartOf(frontendFiles);
      await install(action.context, installOptions({ chart, replace: true }));

      expect((await historyOf()).map(([version, status]) => [version, status])).toEqual([
        [1, 'superseded'],
        [2, 'deployed'],
      ]);
    });

    it('says what stays', async () => {
      const annotations = '  annotations:\n    helm.sh/resource-policy: keep\n';
      const chart = await chartOf(frontendFiles, { 'templates/kept.yaml': configMapYaml('kept', annotations) });
      await install(action.context, installOptions({ chart }));

      const result = await uninstall(action.context, uninstallOptions);

      expect(result?.info).toBe('These resources were kept due to the resource policy:\n[ConfigMap] kept\n');
    });

    it('knows no release by that name', async () => {
      await expect(uninstall(action.context, uninstallOptions)).rejects.toThrow(
        'uninstall: Release not loaded: frontend: release: not found',
      );
    });
  });
});
