import { ConfigMaps, Deployments, Events, HelmReleases, ReplicaSets, Services, type AnyObject } from '@towpath/api';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createReleaseStorage } from '../storage/secrets.ts';
import { frontendFiles } from '../testing/charts.ts';
import { OperatorFixture } from '../testing/operator.ts';

const deploymentFile = 'templates/deployment.yaml';
const deployment = frontendFiles[deploymentFile] ?? '';
const adservice = {
  'Chart.yaml': 'apiVersion: v2\nname: adservice\nversion: 0.5.0\n',
  'values.yaml': '{}\n',
  'templates/config.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: adservice\n',
};

describe('helm operator', () => {
  let fixture: OperatorFixture;

  beforeEach(async () => {
    fixture = await OperatorFixture.create();
  });
  afterEach(() => fixture.dispose());

  async function synced(name: string, revision: string): Promise<void> {
    await fixture.eventually(async () => {
      const status = (await fixture.get(name))?.status;
      expect(status?.conditions?.find(({ type }) => type === 'Released')?.message).toBe('Helm release sync succeeded');
      expect(status?.revision).toBe(revision);
    });
  }

  async function history(name: string): Promise<[number, string][]> {
    const { client, clock } = fixture;
    const releases = await createReleaseStorage({ client, clock, namespace: 'shop' }).history(name);
    return releases.map(({ version, info }) => [version, info.status]);
  }

  it('installs what a HelmRelease asks for and says so on its status', async () => {
    const head = await fixture.push({ frontend: frontendFiles });
    await fixture.start();
    await fixture.release('frontend', { values: { image: { repository: 'acme/frontend', tag: 'v0.0.1' } } });

    await synced('frontend', head);

    const { status } = (await fixture.get('frontend')) ?? {};
    expect(status).toMatchObject({
      phase: 'Succeeded',
      releaseName: 'frontend',
      releaseStatus: 'deployed',
      revision: head,
      lastAttemptedRevision: head,
      observedGeneration: 1,
    });
    expect(await history('frontend')).toEqual([[1, 'deployed']]);
    const created = await fixture.client.get(Deployments, { namespace: 'shop', name: 'frontend' });
    expect(created?.spec.template.spec.containers[0]?.image).toBe('acme/frontend:v0.0.1');
    expect(created?.metadata.annotations).toMatchObject({ 'helm.fluxcd.io/antecedent': 'shop:helmrelease/frontend' });
    await fixture.eventually(async () => {
      const { items } = await fixture.client.list(Events, { namespace: 'shop' });
      expect(items.map(({ reason, message }) => [reason, message])).toContainEqual([
        'ReleaseSynced',
        "managed release 'frontend' in namespace 'shop' synchronized",
      ]);
    });
  });

  it('upgrades at once when a push changes the chart, and leaves the other charts alone', async () => {
    const first = await fixture.push({ frontend: frontendFiles, adservice });
    await fixture.start();
    await fixture.release('frontend');
    await fixture.release('adservice');
    await synced('frontend', first);
    await synced('adservice', first);
    fixture.lines.length = 0;

    const renamed = deployment.replace('{{ .Values.name }}', 'frontend-hipster');
    const second = await fixture.push({ frontend: { [deploymentFile]: renamed } });
    await synced('frontend', second);

    const log = fixture.lines.join('\n');
    const inOrder = [
      'info="Created a new Deployment called \\"frontend-hipster\\" in shop\\n"',
      'info="Deleting \\"frontend\\" in shop..."',
      'info="updating status for upgraded release for frontend"',
      `info="upgrade succeeded" revision=${second} phase=upgrade`,
    ];
    const places = inOrder.map((text) => log.indexOf(text));
    expect(places).not.toContain(-1);
    expect(places).toEqual(places.toSorted((left, right) => left - right));
    expect(await history('adservice')).toEqual([[1, 'deployed']]);
    expect(log).not.toContain('release=adservice');
  });

  it('compares one sync later and says that nothing changed', async () => {
    const head = await fixture.push({ frontend: frontendFiles });
    await fixture.start();
    await fixture.release('frontend');
    await synced('frontend', head);
    fixture.lines.length = 0;

    await fixture.clock.advance(60_000);
    await fixture.eventually(() => expect(fixture.lines.at(-1)).toContain('info="no changes" action=skip'));

    const infos = fixture.lines.map((line) => /info=("(?:[^"\\]|\\.)*"|\S+)/.exec(line)?.[1]);
    expect(infos).toEqual([
      '"performing dry-run upgrade to see if release has diverged"',
      '"preparing upgrade for frontend"',
      '"performing update for frontend"',
      '"dry run for frontend"',
      '"no changes"',
    ]);
    expect(await history('frontend')).toEqual([[1, 'deployed']]);
  });

  it('upgrades when the HelmRelease changes', async () => {
    const head = await fixture.push({ frontend: frontendFiles });
    await fixture.start();
    await fixture.release('frontend', { values: { image: { tag: 'v0.0.1' } } });
    await synced('frontend', head);

    const key = { namespace: 'shop', name: 'frontend' };
    await fixture.client.patch(
      HelmReleases,
      key,
      { spec: { values: { image: { tag: 'v0.0.2' } } } },
      { kind: 'merge' },
    );

    await fixture.eventually(async () =>
      expect(await history('frontend')).toEqual([
        [1, 'superseded'],
        [2, 'deployed'],
      ]),
    );
    const changed = await fixture.client.get(Deployments, key);
    expect(changed?.spec.template.spec.containers[0]?.image).toBe('frontend:v0.0.2');
  });

  it('names file and line of a chart that does not render, and the others go on', async () => {
    const broken = {
      ...adservice,
      'templates/config.yaml': 'apiVersion: v1\nkind: {{ required "a kind" .Values.kind }}\n',
      'values.yaml': 'kind: ConfigMap\n',
    };
    await fixture.push({ frontend: frontendFiles, adservice: broken });
    await fixture.start();
    await fixture.release('adservice', { values: { kind: '' } });
    await fixture.release('frontend');

    const setters = 'kind is set by spec.values (over adservice/values.yaml:1)';
    await fixture.eventually(async () => {
      const message = (await fixture.message('adservice')) ?? '';
      expect(message).toContain("Installation or upgrade failed for Helm release 'adservice' in 'shop'.");
      expect(message).toContain('adservice/templates/config.yaml:2');
      expect(message).toContain(setters);
      const { items } = await fixture.client.list(Events, { namespace: 'shop' });
      const failed = items.find(({ reason }) => reason === 'FailedReleaseSync');
      expect(failed?.message).toContain(`config.yaml:2:9): a kind; ${setters}`);
      expect((await fixture.get('adservice'))?.status?.phase).toBe('DeployFailed');
    });
    const mended = await fixture.push({ adservice });
    await synced('adservice', mended);
    await fixture.eventually(async () => expect(await fixture.message('frontend')).toBe('Helm release sync succeeded'));
  });

  it('says that there is no such folder', async () => {
    const head = await fixture.push({ frontend: frontendFiles });
    await fixture.start();
    await fixture.release('cartservice');

    await fixture.eventually(async () => {
      expect(await fixture.message('cartservice')).toBe(
        "Chart fetch failed for Helm release 'cartservice' in 'shop'. there is no folder charts/cartservice in " +
          `http://git.towpath-system/acme/shop.git at ${head.slice(0, 7)}; push the chart, or correct spec.chart.path`,
      );
    });
    expect((await fixture.get('cartservice'))?.status?.phase).toBe('ChartFetchFailed');
  });

  it('uninstalls when the HelmRelease is deleted', async () => {
    const head = await fixture.push({ frontend: frontendFiles });
    await fixture.start();
    await fixture.release('frontend');
    await synced('frontend', head);

    await fixture.client.delete(HelmReleases, { namespace: 'shop', name: 'frontend' });

    await fixture.eventually(async () => {
      expect(await fixture.client.get(Services, { namespace: 'shop', name: 'frontend' })).toBeUndefined();
      expect(await history('frontend')).toEqual([]);
    });
  });

  it('uninstalls what was deleted while no operator ran', async () => {
    const head = await fixture.push({ frontend: frontendFiles, adservice });
    await fixture.start();
    await fixture.release('frontend');
    await fixture.release('adservice');
    await synced('frontend', head);
    await synced('adservice', head);
    await fixture.stop();
    await fixture.client.delete(HelmReleases, { namespace: 'shop', name: 'frontend' });

    await fixture.start();

    await fixture.eventually(async () => expect(await history('frontend')).toEqual([]));
    expect(await history('adservice')).toEqual([[1, 'deployed']]);
    expect(await fixture.client.get(ConfigMaps, { namespace: 'shop', name: 'adservice' })).toBeDefined();
  });

  it('lets the newest commit win over one that is still being waited for', async () => {
    const first = await fixture.push({ frontend: frontendFiles });
    await fixture.start();
    await fixture.release('frontend', { wait: true, timeout: 3600 });
    // Nothing runs Deployments here: the first installation waits.
    await fixture.eventually(async () => expect(await history('frontend')).toEqual([[1, 'pending-install']]));

    const second = await fixture.push({ frontend: { 'values.yaml': `${frontendFiles['values.yaml']}color: green\n` } });
    await fixture.eventually(async () => {
      await fixture.clock.advance(500);
      expect((await fixture.get('frontend'))?.status?.lastAttemptedRevision).toBe(second);
    });
    await ready();
    await fixture.eventually(async () => {
      await fixture.clock.advance(500);
      expect(await history('frontend')).toEqual([
        [1, 'superseded'],
        [2, 'deployed'],
      ]);
    });
    await synced('frontend', second);
    expect(first).not.toBe(second);

    async function ready(): Promise<void> {
      const { client } = fixture;
      const key = { namespace: 'shop', name: 'frontend' };
      await fixture.eventually(async () => expect((await history('frontend')).at(-1)).toEqual([2, 'pending-upgrade']));
      await client.patch(
        Deployments,
        key,
        { metadata: { annotations: { 'deployment.kubernetes.io/revision': '1' } } },
        { kind: 'merge' },
      );
      const live = await client.get(Deployments, key);
      const generation = live?.metadata.generation;
      const replicaSet: AnyObject = {
        apiVersion: 'apps/v1',
        kind: 'ReplicaSet',
        metadata: {
          name: 'frontend-1',
          namespace: 'shop',
          annotations: { 'deployment.kubernetes.io/revision': '1' },
          ownerReferences: [
            {
              apiVersion: 'apps/v1',
              kind: 'Deployment',
              name: 'frontend',
              uid: live?.metadata.uid ?? '',
              controller: true,
            },
          ],
        },
        spec: { replicas: 1, selector: live?.spec.selector, template: live?.spec.template },
      };
      const created = await client.create(ReplicaSets, replicaSet);
      const status = { observedGeneration: created.metadata.generation, replicas: 1, readyReplicas: 1 };
      await client.patch(
        ReplicaSets,
        { namespace: 'shop', name: 'frontend-1' },
        { status },
        { kind: 'merge', subresource: 'status' },
      );
      await client.patch(
        Deployments,
        key,
        { status: { observedGeneration: generation } },
        { kind: 'merge', subresource: 'status' },
      );
    }
  });

  it('rolls forward what a killed operator left half-done', async () => {
    const head = await fixture.push({ frontend: frontendFiles });
    await fixture.start();
    await fixture.release('frontend', { wait: true, timeout: 3600 });
    await fixture.eventually(async () => expect(await history('frontend')).toEqual([[1, 'pending-install']]));
    await fixture.stop();
    expect(await history('frontend')).toEqual([[1, 'pending-install']]);
    const key = { namespace: 'shop', name: 'frontend' };
    await fixture.client.patch(HelmReleases, key, { spec: { wait: false } }, { kind: 'merge' });

    await fixture.start();

    await synced('frontend', head);
    expect(await history('frontend')).toEqual([
      [1, 'failed'],
      [2, 'deployed'],
    ]);
  });
});
