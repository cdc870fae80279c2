import type { AnyObject, Event } from '@towpath/api';
import { describe, expect, it } from 'vitest';
import { explain, explainAll, findTarget } from './explain.ts';
import type { Snapshot } from './snapshot.ts';
import { explanationText } from './text.ts';

const namespace = 'shop';

function object(
  kind: string,
  apiVersion: string,
  members: Record<string, unknown> & { metadata?: object } = {},
): AnyObject {
  return { apiVersion, kind, ...members, metadata: { namespace, name: 'web', ...members.metadata } };
}

const failing = (type: string, reason: string, message: string) => ({
  status: { conditions: [{ type, status: 'False', reason, message }] },
});
const helmV1 = (type: string, reason: string, message: string) =>
  object('HelmRelease', 'helm.fluxcd.io/v1', failing(type, reason, message));
const helmV2 = (reason: string, message: string) =>
  object('HelmRelease', 'helm.toolkit.fluxcd.io/v2', failing('Ready', reason, message));
const kustomization = (reason: string, message: string) =>
  object('Kustomization', 'kustomize.toolkit.fluxcd.io/v1', failing('Ready', reason, message));
const gitRepository = (reason: string, message: string) =>
  object('GitRepository', 'source.toolkit.fluxcd.io/v1', failing('Ready', reason, message));
const image = (kind: string, reason: string, message: string, spec: object = {}) =>
  object(kind, 'image.toolkit.fluxcd.io/v1', { ...failing('Ready', reason, message), spec });
const sync = (status: object) =>
  object('Sync', 'towpath.dev/v1alpha1', {
    metadata: { namespace: 'flux', name: 'flux' },
    spec: { branch: 'master' },
    status,
  });

function pod(
  status: Record<string, unknown>,
  containers: object[] = [{ name: 'server' }, { name: 'istio-proxy' }],
): AnyObject {
  const metadata = {
    name: 'web-1-x',
    ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web-1', uid: '2' }],
  };
  return object('Pod', 'v1', { metadata, spec: { containers }, status: { phase: 'Running', ...status } });
}

const waiting = (reason: string, message: string, more: object = {}) => ({
  containerStatuses: [
    {
      name: 'server',
      image: 'acme/web:v9',
      ready: false,
      restartCount: 0,
      state: { waiting: { reason, message } },
      ...more,
    },
  ],
});

const canary = (status: object, spec: object = {}) =>
  object('Canary', 'flagger.app/v1beta1', {
    spec: { targetRef: { kind: 'Deployment', name: 'web' }, service: { port: 80 }, ...spec },
    status: { phase: 'Progressing', failedChecks: 2, ...status },
  });

function event(kind: string, message: string, reason = 'Synced'): Event {
  const name = kind === 'Pod' ? 'web-1-x' : 'web';
  return {
    ...object('Event', 'v1'),
    type: 'Warning',
    reason,
    message,
    involvedObject: { kind, namespace, name },
  } as unknown as Event;
}

const noValues = event(
  'Canary',
  'Halt advancement no values found for istio metric request-duration probably web.shop is not receiving traffic',
);

function snapshotOf(objects: readonly AnyObject[], more: Partial<Snapshot> = {}): Snapshot {
  return { objects, events: [], logs: new Map(), controllerErrors: new Map(), unread: [], ...more };
}

interface Case {
  readonly name: string;
  readonly objects: readonly AnyObject[];
  readonly more?: Partial<Snapshot>;
  readonly cause: string;
  readonly says: RegExp;
}

const cases: readonly Case[] = [
  {
    name: 'Git authentication (Sync)',
    objects: [
      sync({
        conditions: [
          {
            type: 'Ready',
            status: 'False',
            reason: 'GitNotReady',
            message: 'https://git/x.git: authentication failed',
          },
        ],
      }),
    ],
    cause: 'git-authentication',
    says: /refuses the credentials/,
  },
  {
    name: 'Git authentication (GitRepository)',
    objects: [
      gitRepository(
        'GitOperationFailed',
        "failed to checkout and determine revision: unable to clone 'ssh://git/x': ssh: handshake failed: ssh: unable to authenticate",
      ),
    ],
    cause: 'git-authentication',
    says: /GitRepository shop\/web/,
  },
  {
    name: 'an image that was never pushed, behind the policy that waits for it',
    objects: [
      image('ImagePolicy', 'DependencyNotReady', 'retrying in 30s error: no tags in database', {
        imageRepositoryRef: { name: 'web' },
      }),
      image(
        'ImageRepository',
        'ReadOperationFailed',
        'scan failed: GET https://ghcr.io/v2/acme/web/tags/list?n=1000: NAME_UNKNOWN: repository name not known to registry',
      ),
    ],
    cause: 'image-missing',
    says: /ImageRepository shop\/web: the registry has no image/,
  },
  {
    name: 'no tag in the range (ImagePolicy)',
    objects: [image('ImagePolicy', 'Failure', 'unable to determine latest version from provided list')],
    cause: 'no-matching-tag',
    says: /no tag of the image matches/,
  },
  {
    name: 'a range that is none (ImagePolicy)',
    objects: [image('ImagePolicy', 'InvalidPolicy', 'invalid policy: improper constraint: "x y"')],
    cause: 'policy-invalid',
    says: /cannot be applied/,
  },
  {
    name: 'a template of messages (ImageUpdateAutomation)',
    objects: [
      image(
        'ImageUpdateAutomation',
        'GitOperationFailed',
        'failed to update source: failed to run template from spec: template: commit message:1:3: nothing',
      ),
    ],
    cause: 'message-template',
    says: /template of the commit/,
  },
  {
    name: 'path missing (Sync)',
    objects: [
      sync({
        conditions: [
          {
            type: 'Ready',
            status: 'False',
            reason: 'SyncFailed',
            message: 'http://git/x has no folder deploy at 4f25306',
          },
        ],
      }),
    ],
    cause: 'path-missing',
    says: /path that is synchronised/,
  },
  {
    name: 'path missing (Kustomization)',
    objects: [
      kustomization(
        'ArtifactFailed',
        'kustomization path not found: stat /tmp/kustomization-1/deploy: no such file or directory',
      ),
    ],
    cause: 'path-missing',
    says: /Kustomization shop\/web/,
  },
  {
    name: 'manifest invalid (Sync)',
    objects: [
      sync({
        conditions: [{ type: 'Ready', status: 'False', reason: 'SyncFailed', message: 'x' }],
        problems: [{ source: 'deploy/a.yaml:5', message: 'Flow sequence must end with ]' }],
      }),
    ],
    cause: 'manifest-invalid',
    says: /^deploy\/a\.yaml:5/,
  },
  {
    name: 'manifest invalid (Kustomization)',
    objects: [
      kustomization(
        'ReconciliationFailed',
        'Deployment/shop/web dry-run failed (Invalid): Deployment.apps "web" is invalid: spec.replicas: Invalid value: -1',
      ),
    ],
    cause: 'manifest-invalid',
    says: /not valid/,
  },
  {
    name: 'chart missing (Helm operator)',
    objects: [
      helmV1(
        'ChartFetched',
        'ChartFetchFailed',
        "Chart fetch failed for Helm release 'web' in 'shop'. no chart at deploy/charts/web",
      ),
    ],
    cause: 'chart-missing',
    says: /chart cannot be found/,
  },
  {
    name: 'chart missing (Flux 2)',
    objects: [
      object(
        'HelmChart',
        'source.toolkit.fluxcd.io/v1',
        failing('Ready', 'ChartPullError', "chart pull error: no 'web' chart with version matching '9.x' found"),
      ),
    ],
    cause: 'chart-missing',
    says: /HelmChart shop\/web/,
  },
  {
    name: 'a template that does not render',
    objects: [
      helmV1('Released', 'Failed', 'template: web/templates/deployment.yaml:22:28: function "nothing" not defined'),
    ],
    cause: 'render-error',
    says: /web\/templates\/deployment\.yaml:22/,
  },
  {
    name: 'a template that does not render, told by the log of the Helm operator only',
    objects: [helmV1('Released', 'Failed', "Release failed for Helm release 'web' in 'shop'.")],
    more: {
      controllerErrors: new Map([['shop:helmrelease/web', 'execution error at (web/templates/a.yaml:3:4): set tag']]),
    },
    cause: 'render-error',
    says: /web\/templates\/a\.yaml:3/,
  },
  {
    name: 'values against the schema',
    objects: [
      helmV2(
        'InstallFailed',
        "Helm install failed for release shop/web with chart web@1.0.0: values don't meet the specifications of the schema(s) in the following chart(s):\nweb:\n- at '/replicas': got string, want integer",
      ),
    ],
    cause: 'values-schema',
    says: /schema/,
  },
  {
    name: 'an immutable field',
    objects: [
      helmV1(
        'Deployed',
        'DeployFailed',
        'cannot patch "web" with kind Deployment: Deployment.apps "web" is invalid: spec.selector: Invalid value: {}: field is immutable',
      ),
    ],
    cause: 'immutable-field',
    says: /never be changed/,
  },
  {
    name: 'an ownership conflict',
    objects: [
      helmV2(
        'InstallFailed',
        'Unable to continue with install: Service "web" in namespace "shop" exists and cannot be imported into the current release: invalid ownership metadata',
      ),
    ],
    cause: 'ownership-conflict',
    says: /belongs to somebody else/,
  },
  {
    name: 'an image that cannot be pulled',
    objects: [pod(waiting('ImagePullBackOff', 'Back-off pulling image "acme/web:v9"'))],
    cause: 'image-pull',
    says: /acme\/web:v9/,
  },
  {
    name: 'a crash loop, with the line of its log',
    objects: [
      pod(
        waiting('CrashLoopBackOff', 'back-off 10s', {
          restartCount: 4,
          lastState: { terminated: { exitCode: 3, reason: 'Error' } },
        }),
      ),
    ],
    more: { logs: new Map([['shop/web-1-x/server', 'starting\nError: DB_URL is not set\n    at main']]) },
    cause: 'crash-loop',
    says: /exit code 3/,
  },
  {
    name: 'a container that runs out of memory',
    objects: [
      pod(
        waiting('CrashLoopBackOff', '', {
          restartCount: 4,
          lastState: { terminated: { exitCode: 137, reason: 'OOMKilled' } },
        }),
      ),
    ],
    cause: 'out-of-memory',
    says: /out of memory/,
  },
  {
    name: 'a probe that never succeeds',
    objects: [pod({ conditions: [{ type: 'Ready', status: 'False', reason: 'ContainersNotReady' }] })],
    more: { events: [event('Pod', 'Readiness probe failed: connection refused', 'Unhealthy')] },
    cause: 'readiness',
    says: /readiness probe never succeeds/,
  },
  {
    name: 'a pod that fits nowhere',
    objects: [
      pod({
        phase: 'Pending',
        conditions: [
          {
            type: 'PodScheduled',
            status: 'False',
            reason: 'Unschedulable',
            message: '0/4 nodes are available: 4 Insufficient cpu.',
          },
        ],
      }),
    ],
    cause: 'unschedulable',
    says: /no node takes it/,
  },
  {
    name: 'a canary without traffic (Flagger)',
    objects: [canary({})],
    more: { events: [noValues] },
    cause: 'no-traffic',
    says: /no requests reached the canary/,
  },
  {
    name: 'a canary whose load goes around the gateway (Flagger)',
    objects: [
      canary({}, { service: { port: 80, gateways: ['entrance'] } }),
      object('Deployment', 'apps/v1', {
        metadata: { name: 'caller' },
        spec: {
          replicas: 0,
          template: { spec: { containers: [{ name: 'c', env: [{ name: 'TARGET', value: 'http://web/' }] }] } },
        },
      }),
    ],
    more: { events: [noValues] },
    cause: 'traffic-bypasses-canary',
    says: /Deployment shop\/caller calls http:\/\/web\//,
  },
  {
    name: 'a canary whose load goes around the gateway (our diagnosis)',
    objects: [
      canary({
        diagnosis: {
          cause: 'traffic-bypasses-canary',
          message: 'traffic bypasses the canary: requests reach web-primary: send the load to that gateway',
        },
      }),
    ],
    more: { events: [noValues] },
    cause: 'traffic-bypasses-canary',
    says: /requests reach web-primary$/,
  },
  {
    name: 'a canary without sidecar (Flagger)',
    objects: [canary({}), pod({}, [{ name: 'server' }])],
    more: { events: [noValues] },
    cause: 'no-sidecar',
    says: /has no istio-proxy sidecar/,
  },
  {
    name: 'a metrics provider that is down',
    objects: [canary({})],
    more: {
      events: [
        event(
          'Canary',
          'Prometheus query failed: running query failed: request failed: Get "http://prometheus:9090": dial tcp: lookup prometheus: no such host',
        ),
      ],
    },
    cause: 'provider-down',
    says: /metrics server does not answer/,
  },
  {
    name: 'a new version that is worse',
    objects: [canary({ phase: 'Failed' })],
    more: { events: [event('Canary', 'Halt web.shop advancement success rate 91.20% < 99%')] },
    cause: 'threshold',
    says: /outside of its threshold/,
  },
];

describe('explain', () => {
  it.each(cases)('names $name', ({ objects, more, cause, says }) => {
    const snapshot = snapshotOf(objects, more);
    const [found] = explainAll(snapshot);

    expect(found?.first).toMatchObject({ cause, next: expect.stringMatching(/./) as string });
    expect(found?.first?.sentence).toMatch(says);
    expect(found?.first?.evidence.length).toBeGreaterThan(0);
  });

  it('finds the pod behind a release that was not ready in time, and the chain from the commit', () => {
    const snapshot = snapshotOf([
      sync({ syncedRevision: 'a'.repeat(40), conditions: [{ type: 'Ready', status: 'True', reason: 'Synced' }] }),
      object('HelmRelease', 'helm.fluxcd.io/v1', {
        metadata: { labels: { 'fluxcd.io/sync-gc-mark': 'sha256.x' } },
        ...failing('Released', 'Failed', 'timed out waiting for the condition'),
      }),
      object('Deployment', 'apps/v1', {
        metadata: { annotations: { 'helm.fluxcd.io/antecedent': 'shop:helmrelease/web' } },
        spec: { replicas: 1 },
        status: {},
      }),
      object('ReplicaSet', 'apps/v1', {
        metadata: {
          name: 'web-1',
          ownerReferences: [{ apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', uid: '1' }],
        },
      }),
      pod(waiting('ErrImagePull', 'not found')),
    ]);
    const release = findTarget(snapshot, { kind: 'hr', name: 'web', namespace });
    const found = explain(snapshot, release as AnyObject);

    expect(found.first).toMatchObject({ cause: 'image-pull', object: { kind: 'Pod' } });
    expect(found.chain.map(({ stage, state }) => `${stage} ${state}`)).toEqual([
      'apply well',
      'release waiting',
      'workload waiting',
      'pod failing',
    ]);
    expect(explanationText(found, { colours: false })).toContain('✓ apply    Sync flux/flux  master@aaaaaaa');
  });

  it('looks at the source behind a Kustomization that waits for it', () => {
    const snapshot = snapshotOf([
      object('Kustomization', 'kustomize.toolkit.fluxcd.io/v1', {
        metadata: { name: 'apps' },
        spec: { sourceRef: { kind: 'GitRepository', name: 'web' } },
        ...failing('Ready', 'ArtifactFailed', 'Source artifact not found, retrying in 30s'),
      }),
      gitRepository('GitOperationFailed', "unable to clone 'https://git/x': authentication required"),
    ]);

    expect(explain(snapshot, snapshot.objects[0] as AnyObject).first).toMatchObject({
      cause: 'git-authentication',
      object: { kind: 'GitRepository', name: 'web' },
    });
  });

  it('does not blame a file that declares something else', () => {
    const snapshot = snapshotOf([
      sync({ problems: [{ source: 'deploy/other.yaml:1', resource: 'shop:configmap/other', message: 'is invalid' }] }),
      object('HelmRelease', 'helm.fluxcd.io/v1', { status: {} }),
    ]);

    expect(explain(snapshot, snapshot.objects[1] as AnyObject)).toMatchObject({ isWell: true });
    expect(explainAll(snapshot)).toHaveLength(1);
  });

  it('says that all is well', () => {
    const found = explain(snapshotOf([pod({})]), pod({}));

    expect(found.isWell).toBe(true);
    expect(explanationText(found, { colours: true })).toContain('it is well');
  });

  it('never shows a credential that a log line holds', () => {
    const crashing = pod(waiting('CrashLoopBackOff', '', { restartCount: 4 }));
    const logs = new Map([['shop/web-1-x/server', 'Error: cannot reach postgres://me:HIDDEN@db/x']]);

    expect(JSON.stringify(explainAll(snapshotOf([crashing], { logs })))).not.toContain('HIDDEN');
  });
});
