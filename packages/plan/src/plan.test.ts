import { Deployments, Namespaces, Secrets } from '@towpath/api';
import { startTestCluster, type TestCluster } from '@towpath/cluster/testing';
import { Client } from '@towpath/runtime';
import { marked } from 'marked';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { planMarkdown } from './markdown.ts';
import { exitCodeOf } from './plan.ts';
import { isReadOnly } from './read-only.ts';
import { deployFiles, planOf, recording, shopFiles } from './testing/shop.ts';
import { planText } from './text.ts';

const releaseFile = 'deploy/releases/frontend.yaml';
const canaryFile = 'deploy/charts/frontend/templates/canary.yaml';
const newTag = { [releaseFile]: ['tag: v0.0.1', 'tag: v0.0.9'] } as const;

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await startTestCluster();
  await deployFiles(cluster.transport(), shopFiles());
});

afterAll(() => cluster.dispose());

describe('planChanges', () => {
  it('says nothing of a commit that changes nothing', async () => {
    const report = await planOf({ before: shopFiles(), after: shopFiles(), transport: cluster.transport() });

    expect(report).toMatchObject({ files: [], objects: [], canaries: [], problems: [] });
    expect(exitCodeOf(report)).toBe(0);
  });

  it('follows one value from the release to the container, and asks the cluster', async () => {
    const report = await planOf({ before: shopFiles(), after: shopFiles(newTag), transport: cluster.transport() });

    expect(report.objects).toMatchObject([
      { action: 'update', kind: 'HelmRelease', name: 'frontend', rehearsal: { outcome: 'accepted', alsoChanges: [] } },
      {
        action: 'update',
        kind: 'Deployment',
        release: 'microservices-demo/frontend',
        fields: [
          {
            path: 'spec.template.spec.containers[server].image',
            before: 'acme/frontend:v0.0.1',
            after: 'acme/frontend:v0.0.9',
            template: 'deploy/charts/frontend/templates/deployment.yaml:22',
            values: [
              { path: 'image.repository' },
              { path: 'image.tag', setBy: [`${releaseFile}:20`, 'deploy/charts/frontend/values.yaml:3'] },
            ],
          },
        ],
        rehearsal: { outcome: 'accepted', alsoChanges: [] },
      },
    ]);
    expect(report.canaries).toMatchObject([{ name: 'frontend', starts: 'analysis', weights: [5, 10, 15, 20, 25, 30] }]);
    expect(exitCodeOf(report)).toBe(3);
  });

  it('sends nothing but reads and dry runs', async () => {
    const { transport, requests } = recording(cluster.transport());
    await planOf({ before: shopFiles(), after: shopFiles(newTag), transport });

    expect(requests.filter((request) => !isReadOnly(request))).toEqual([]);
    expect(requests.some(({ method }) => method === 'PATCH')).toBe(true);
  });

  it('works for a user who may only read, and says what was not rehearsed', async () => {
    const transport = await readerTransport(cluster);
    const report = await planOf({ before: shopFiles(), after: shopFiles(newTag), transport });

    expect(report.objects.map(({ rehearsal }) => rehearsal)).toMatchObject([
      { outcome: 'not-asked', message: expect.stringContaining('you may not: ') as string },
      { outcome: 'not-asked' },
    ]);
    expect(exitCodeOf(report)).toBe(3);
  });

  it.each([
    {
      name: 'a template that fails, with its line',
      edits: { 'deploy/charts/frontend/templates/service.yaml': ['kind:', '{{ fail "no" }}\nkind:'] },
      says: 'frontend/templates/service.yaml',
    },
    { name: 'a manifest that is no YAML', edits: { [releaseFile]: ['spec:', 'spec: ['] }, says: '' },
    {
      name: 'an immutable field',
      edits: {
        'deploy/charts/frontend/templates/deployment.yaml': ['app: frontend\n  template:', 'app: other\n  template:'],
      },
      says: '',
    },
  ] as const)('exits 1 for $name', async ({ edits, says }) => {
    const after = shopFiles(edits as unknown as Record<string, readonly [string, string]>);
    const report = await planOf({ before: shopFiles(), after, transport: cluster.transport() });

    expect(exitCodeOf(report)).toBe(1);
    expect(report.problems.map(({ source, message }) => `${source} ${message}`).join('\n')).toContain(says);
  });

  it('never shows a secret', async () => {
    const secret =
      'apiVersion: v1\nkind: Secret\nmetadata: { name: s, namespace: microservices-demo }\nstringData: { x: OLDSECRET }\n';
    const [before, after] = [
      shopFiles(),
      shopFiles({
        [releaseFile]: ['values:', 'values:\n    env: { DB_PASSWORD: HIDDEN1, URL: "http://me:HIDDEN2@db/x" }'],
      }),
    ];
    before.set('deploy/secret.yaml', Buffer.from(secret));
    after.set('deploy/secret.yaml', Buffer.from(secret.replace('OLDSECRET', 'NEWSECRET')));
    const report = await planOf({ before, after, transport: cluster.transport() });
    const shown = JSON.stringify(report) + planText(report, { colours: true }) + planMarkdown(report);

    expect(shown).toContain('***');
    expect(shown).not.toMatch(/HIDDEN|OLDSECRET|NEWSECRET|TkVXU0VDUkVU/);
    expect(
      await new Client({ transport: cluster.transport() }).get(Secrets, { namespace: 'microservices-demo', name: 's' }),
    ).toBeUndefined();
  });

  it('works without a cluster', async () => {
    const report = await planOf({ before: shopFiles(), after: shopFiles(newTag) });

    expect(report.objects).toHaveLength(2);
    expect(report.canaries).toMatchObject([{ name: 'frontend', starts: 'analysis' }]);
  });
});

describe('canaries that cannot succeed', () => {
  it.each([
    { name: 'nothing calls it', query: [], cause: 'no-traffic' },
    {
      name: 'load that goes around the gateway',
      query: [{ workload: 'loadgenerator', rate: 10 }],
      cause: 'traffic-bypasses-canary',
    },
    { name: 'too few requests', query: [{ workload: 'istio-ingressgateway', rate: 0.1 }], cause: 'too-few-requests' },
  ])('names $name', async ({ query, cause }) => {
    const rows = query.map(({ workload, rate }) => ({
      labels: { source_workload: workload, destination_service: 'frontend' },
      value: rate,
    }));
    const report = await withoutProvider({ after: shopFiles(newTag), rows });

    expect(report).toContainEqual({ level: 'fails', cause });
  });

  it.each([
    {
      name: 'a threshold that cannot be met',
      edits: { [canaryFile]: ['min: 99', 'min: 101'] },
      cause: 'threshold-impossible',
    },
    {
      name: 'a target that is not there',
      edits: { [canaryFile]: ['kind: Deployment\n    name: frontend', 'kind: Deployment\n    name: fronted'] },
      cause: undefined,
    },
    {
      name: 'pods that the selector does not match',
      edits: {
        'deploy/charts/frontend/templates/deployment.yaml': [
          'labels:\n        app: frontend',
          'labels:\n        app: front',
        ],
      },
      cause: 'selector-mismatch',
    },
  ] as const)('names $name', async ({ edits, cause }) => {
    const after = shopFiles({ ...newTag, ...(edits as unknown as Record<string, readonly [string, string]>) });
    const report = await withoutProvider({
      after,
      rows: [{ labels: { source_workload: 'istio-ingressgateway' }, value: 500 }],
    });

    expect(report.filter(({ level }) => level === 'fails')).toEqual(
      cause === undefined ? [] : [{ level: 'fails', cause }],
    );
  });

  it('names a metrics server that is down', async () => {
    const report = await planOf({
      before: shopFiles(),
      after: shopFiles(newTag),
      transport: cluster.transport(),
      query: () => Promise.resolve([]),
    });

    expect(report.canaries[0]?.problems).toContainEqual(
      expect.objectContaining({ level: 'fails', cause: 'provider-down' }),
    );
  });
});

describe('planMarkdown', () => {
  it('is tables and details when it is HTML', async () => {
    const report = await planOf({ before: shopFiles(), after: shopFiles(newTag), transport: cluster.transport() });
    const html = await marked(planMarkdown(report));

    expect(html.match(/<table>/g)).toHaveLength(3);
    expect(html.match(/<details>/g)).toHaveLength(2);
    expect(html).toContain('<td><code>spec.template.spec.containers[server].image</code></td>');
    expect(html).not.toMatch(/<p>\|/);
  });

  it('asks for the metrics server that Flagger was started with', async () => {
    const containers = [
      {
        name: 'flagger',
        image: 'x',
        command: ['./flagger', '-mesh-provider=istio', '-metrics-server=http://thanos:9090'],
      },
    ];
    const client = new Client({ transport: cluster.transport() });
    await client.create(Namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'flagger-system' } });
    const deployment = await client.create(Deployments, {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'flagger', namespace: 'flagger-system' },
      spec: {
        selector: { matchLabels: { app: 'flagger' } },
        template: { metadata: { labels: { app: 'flagger' } }, spec: { containers } },
      },
    });
    const report = await planOf({ before: shopFiles(), after: shopFiles(newTag), transport: cluster.transport() });
    await client.delete(Deployments, deployment.metadata);

    expect(JSON.stringify(report.canaries[0]?.problems)).toContain('there is no Service flagger-system/thanos');
  });

  it('keeps markup out that messages bring along', async () => {
    const report = await planOf({
      before: shopFiles(),
      after: shopFiles({ [releaseFile]: ['tag: v0.0.1', 'tag: "a|b`c<img src=x>"'] }),
    });
    const html = await marked(planMarkdown(report));

    expect(html).not.toContain('<img');
    expect(html).toContain('a|b`c&lt;img src=x&gt;');
  });
});

/** The problems of the frontend's canary, with a metrics server that is there and callers as given. */
async function withoutProvider(call: {
  after: Map<string, Uint8Array>;
  rows: { labels: Record<string, string>; value: number }[];
}) {
  const own = await startTestCluster();
  try {
    await deployFiles(own.transport(), shopFiles());
    const client = new Client({ transport: own.transport() });
    await client.create(Namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'istio-system' } });
    await createPrometheus(client);
    const query = () => Promise.resolve(call.rows);
    const report = await planOf({ before: shopFiles(), after: call.after, transport: own.transport(), query });
    return report.canaries.flatMap(({ problems }) => problems.map(({ level, cause }) => ({ level, cause })));
  } finally {
    await own.dispose();
  }
}

async function createPrometheus(client: Client): Promise<void> {
  const metadata = { name: 'prometheus', namespace: 'istio-system' };
  const objects = [
    { apiVersion: 'v1', kind: 'Service', metadata, spec: { ports: [{ port: 9090 }] } },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { ...metadata, labels: { 'kubernetes.io/service-name': 'prometheus' } },
      addressType: 'IPv4',
      endpoints: [{ addresses: ['10.244.0.9'], conditions: { ready: true } }],
    },
  ];
  for (const object of objects) {
    const type = await client.resourceFor(object);
    if (type !== undefined) await client.create(type, object);
  }
}

async function readerTransport(of: TestCluster) {
  const client = new Client({ transport: of.transport() });
  const metadata = { name: 'plan-reader' };
  const subject = { kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'reader' };
  const objects = [
    { kind: 'ClusterRole', metadata, rules: [{ apiGroups: ['*'], resources: ['*'], verbs: ['get', 'list', 'watch'] }] },
    {
      kind: 'ClusterRoleBinding',
      metadata,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'plan-reader' },
      subjects: [subject],
    },
  ].map((object) => ({ apiVersion: 'rbac.authorization.k8s.io/v1', ...object }));
  for (const object of objects) {
    const type = await client.resourceFor(object);
    if (type !== undefined) await client.create(type, object);
  }
  return of.transport({ name: 'reader', groups: ['system:authenticated'] });
}

describe('repositories of Flux 2', () => {
  it('builds Kustomizations and renders HelmReleases of the repository', async () => {
    const report = await planOf({ before: fluxFiles('v1'), after: fluxFiles('v2'), paths: ['clusters/prod'] });

    expect(report).toMatchObject({ problems: [], notes: [] });
    expect(report.objects).toMatchObject([
      { kind: 'HelmRelease', apiVersion: 'helm.toolkit.fluxcd.io/v2', source: 'clusters/prod/apps.yaml:1' },
      { kind: 'Thing', namespace: 'shop', release: 'shop/web', fields: [{ path: 'tag', before: 'v1', after: 'v2' }] },
    ]);
  });

  it('names a Kustomization of another source instead of saying that nothing changes', async () => {
    const after = fluxFiles('v1');
    const text = Buffer.from(after.get('clusters/prod/apps.yaml') ?? '').toString('utf8');
    after.set('clusters/prod/apps.yaml', Buffer.from(text.replace('kind: GitRepository', 'kind: ExternalArtifact')));
    const report = await planOf({ before: fluxFiles('v1'), after, paths: ['clusters/prod'] });

    expect(report.notes).toEqual([expect.stringContaining('its source ExternalArtifact repo is not this repository')]);
  });

  it('starts where a running Flux starts, and leaves the folders of other clusters alone', async () => {
    const [before, after] = ['v1', 'v2'].map((tag) => {
      const files = fluxFiles(tag);
      files.delete('clusters/prod/source.yaml');
      files.set(
        'clusters/other/note.yaml',
        Buffer.from(`apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${tag} }\n`),
      );
      return files;
    });
    const metadata = { namespace: 'shop', name: 'repo' };
    const live = [
      { apiVersion: 'source.toolkit.fluxcd.io/v1', kind: 'GitRepository', metadata, spec: { url: 'https://git/x' } },
      {
        apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
        kind: 'Kustomization',
        metadata,
        spec: { path: './clusters/prod', sourceRef: { kind: 'GitRepository', name: 'repo' } },
      },
    ];
    const report = await planOf({ before: before ?? new Map(), after: after ?? new Map(), paths: [], live });

    expect(report).toMatchObject({ problems: [], notes: [] });
    expect(report.objects.map(({ kind }) => kind)).toEqual(['HelmRelease', 'Thing']);
  });

  it('names a kustomization that cannot be built', async () => {
    const after = fluxFiles('v1');
    after.delete('apps/release.yaml');
    const report = await planOf({ before: fluxFiles('v1'), after, paths: ['clusters/prod'] });

    expect(report.problems).toMatchObject([{ source: 'clusters/prod/apps.yaml:1' }]);
  });
});

function fluxFiles(tag: string): Map<string, Uint8Array> {
  const texts = {
    'clusters/prod/source.yaml':
      'apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: { name: repo, namespace: shop }\nspec: { url: "https://git/x" }\n',
    'clusters/prod/apps.yaml':
      'apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: { name: apps, namespace: shop }\nspec: { path: ./apps, sourceRef: { kind: GitRepository, name: repo } }\n',
    'apps/kustomization.yaml': 'namespace: shop\nresources: [release.yaml]\n',
    'apps/release.yaml': `apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: { name: web }\nspec:\n  chart: { spec: { chart: ./charts/web, sourceRef: { kind: GitRepository, name: repo } } }\n  values: { tag: ${tag} }\n`,
    'charts/web/Chart.yaml': 'apiVersion: v2\nname: web\nversion: 1.0.0\n',
    'charts/web/values.yaml': 'tag: none\n',
    'charts/web/templates/thing.yaml':
      'apiVersion: acme.dev/v1\nkind: Thing\nmetadata: { name: web }\ntag: {{ .Values.tag }}\n',
  };
  return new Map(Object.entries(texts).map(([path, text]) => [path, Buffer.from(text)]));
}
