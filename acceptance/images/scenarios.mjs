/** The objects that both sides' controllers are given, step by step. Images and branches are those of material.mjs. */

import { isSettled } from '../releases/compare.mjs';
import { automations } from './automations.mjs';
import { tlsServer } from './material.mjs';
import {
  give,
  imageOf,
  newTag,
  ourWords,
  policy,
  put,
  remove,
  repository,
  request,
  secret,
  suspend,
} from './steps.mjs';

function behindTls({ client = false, knows = true }) {
  return {
    ...repository('web'),
    act: async (given) => {
      const { place, namespace, name } = given;
      const { host, data } = await tlsServer(place, client);
      await secret(name, 'Opaque', data)(given);
      const certSecretRef = knows ? { certSecretRef: { name } } : {};
      await put(given, 'ImageRepository', name, {
        image: `${host}/${namespace}/web`,
        interval: '1h',
        ...certSecretRef,
      });
    },
  };
}

/** Objects that others refer to; made before the scenarios. */
export const shared = [
  { name: 'web', ...repository('web') },
  { name: 'build', ...repository('build') },
  { name: 'count', ...repository('count') },
  { name: 'many', ...repository('many') },
  { name: 'fresh', ...repository('web') },
  { name: 'app', ...policy('web', { semver: { range: '1.x' } }) },
  { name: 'pinned', ...policy('web', { semver: { range: '2.0.0' } }, { digestReflectionPolicy: 'IfNotPresent' }) },
  {
    name: 'labelled',
    ...give(
      'ImagePolicy',
      { imageRepositoryRef: { name: 'count' }, policy: { numerical: {} } },
      { labels: { team: 'a' } },
    ),
  },
];

export const scenarios = [
  {
    name: 'repo-tags',
    steps: [
      repository('web'),
      request('ImageRepository'),
      repository('web', { exclusionList: ['^v', 'rc'] }),
      repository('many'),
      suspend('ImageRepository'),
      remove('ImageRepository'),
    ],
  },
  { name: 'repo-excludes-all', steps: [repository('web', { exclusionList: ['.'] })] },
  { name: 'repo-bad-exclusion', steps: [repository('web', { exclusionList: ['('] }), repository('web')] },
  { name: 'repo-none', ignored: ourWords, steps: [repository('nothing')] },
  { name: 'repo-scheme', steps: [give('ImageRepository', { image: 'https://ghcr.io/a/b', interval: '1h' })] },
  {
    name: 'repo-with-tag',
    steps: [give('ImageRepository', { image: 'ghcr.io/a/b:v1', interval: '1h' }), repository('web')],
  },
  { name: 'repo-bad-name', steps: [give('ImageRepository', { image: 'ghcr.io/A/b', interval: '1h' })] },
  { name: 'repo-no-secret', steps: [repository('web', { secretRef: { name: 'absent' } }), repository('web')] },
  {
    name: 'repo-secret',
    steps: [
      {
        ...repository('web', { secretRef: { name: 'pull' } }),
        act: async (given) => {
          const auths = { 'other.example': { username: 'a', password: 'b' } };
          await secret('pull', 'kubernetes.io/dockerconfigjson', { '.dockerconfigjson': JSON.stringify({ auths }) })(
            given,
          );
          await repository('web', { secretRef: { name: 'pull' } }).act(given);
        },
      },
    ],
  },
  { name: 'repo-certificate', steps: [behindTls({})] },
  { name: 'repo-client-certificate', steps: [behindTls({ client: true })] },
  { name: 'repo-unknown-certificate', ignored: ourWords, steps: [behindTls({ knows: false })] },
  { name: 'repo-no-certificate', steps: [repository('web', { certSecretRef: { name: 'absent' } })] },
  { name: 'repo-no-account', steps: [repository('web', { serviceAccountName: 'absent' })] },
  {
    name: 'policy-semver',
    steps: [
      policy('web', { semver: { range: '1.0.x' } }),
      policy('web', { semver: { range: '>=1.0.0' } }),
      policy('web', { semver: { range: '>=1.0.0-0' } }),
      request('ImagePolicy'),
      policy('web', { semver: { range: '9.x' } }),
      policy('web', { semver: { range: '1.x || 2.x' } }),
      suspend('ImagePolicy'),
      remove('ImagePolicy'),
    ],
  },
  {
    name: 'policy-bad-semver',
    steps: [policy('web', { semver: { range: 'nonsense' } }), policy('web', { semver: { range: '*' } })],
  },
  {
    name: 'policy-alphabetical',
    steps: [policy('build', { alphabetical: { order: 'asc' } }), policy('build', { alphabetical: { order: 'desc' } })],
  },
  {
    name: 'policy-numerical',
    steps: [
      policy('count', { numerical: { order: 'asc' } }),
      policy('count', { numerical: { order: 'desc' } }),
      policy('web', { numerical: { order: 'asc' } }),
    ],
  },
  {
    name: 'policy-filter',
    steps: [
      policy('build', { numerical: {} }, { filterTags: { pattern: '^main-[a-f0-9]+-(?P<ts>[0-9]+)', extract: '$ts' } }),
      policy('build', { alphabetical: {} }, { filterTags: { pattern: '^main' } }),
      policy('build', { alphabetical: {} }, { filterTags: { pattern: '^nothing' } }),
      policy('build', { alphabetical: {} }, { filterTags: { pattern: '(' } }),
    ],
  },
  {
    name: 'policy-digest',
    steps: [
      policy('web', { semver: { range: '1.x' } }, { digestReflectionPolicy: 'IfNotPresent' }),
      policy('web', { semver: { range: '1.x' } }, { digestReflectionPolicy: 'Always', interval: '1h' }),
      policy('web', { semver: { range: '1.0.0' } }, { digestReflectionPolicy: 'Always', interval: '1h' }),
      policy('web', { semver: { range: '1.0.0' } }),
    ],
  },
  { name: 'policy-no-repository', steps: [policy('absent', { semver: { range: '1.x' } })] },
  { name: 'policy-choice', steps: [policy('web', {})] },
  {
    name: 'policy-other-namespace',
    steps: [
      {
        ...give('ImagePolicy'),
        act: async (given) => {
          const spec = { image: imageOf('web')(given), interval: '1h' };
          await put({ ...given, namespace: 'images-others' }, 'ImageRepository', 'web', spec);
          const imageRepositoryRef = { name: 'web', namespace: 'images-others' };
          await put(given, 'ImagePolicy', given.name, { imageRepositoryRef, policy: { semver: { range: '1.x' } } });
        },
      },
    ],
  },
  {
    name: 'policy-new-tag',
    steps: [
      policy('many', { semver: { range: '*' } }),
      newTag(
        'ImagePolicy',
        { image: 'many', tag: 'v1.0.0' },
        (object) => object?.status?.latestRef?.tag === 'v1.0.0' && isSettled(object),
      ),
    ],
  },
  ...automations,
];
