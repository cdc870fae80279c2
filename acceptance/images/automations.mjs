/** ImageUpdateAutomations: files with markers, and what becomes of them. */

import { gitUrl, pushFiles, signingKey, tlsServer } from './material.mjs';
import { isSettled } from '../releases/compare.mjs';
import { imageOf, newTag, ourWords, put, remove, request, secret, suspend } from './steps.mjs';

const image = (given, tag) => `${imageOf('web')(given)}:${tag}`;
const deployment = (given, name, tag, marker = `${given.namespace}:app`) =>
  `apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: ${name}\nspec:\n  template:\n    spec:\n      containers:\n        - name: ${name}\n          image: ${image(given, tag)} # {"$imagepolicy": "${marker}"}\n`;
const author = { name: 'Flux', email: 'flux@example.com' };
const spec = (more = {}, git = {}) => ({
  interval: '1h',
  git: { commit: { author }, ...git },
  update: { strategy: 'Setters' },
  ...more,
});
/** The repository with its files, its GitRepository, and the automation itself. */
const automate = ({ files, ref = { branch: 'main' }, source = {}, push = {}, hasSource = true }, more, git) => ({
  kind: 'ImageUpdateAutomation',
  act: async (given) => {
    const { place, api, namespace, name } = given;
    if (files !== undefined) pushFiles(place, namespace, name, { files: files(given), ...push });
    if (hasSource) {
      await api.apply({
        apiVersion: 'source.toolkit.fluxcd.io/v1',
        kind: 'GitRepository',
        metadata: { namespace, name },
        spec: { url: gitUrl(place, namespace, name), interval: '1h', ref, ...source },
      });
    }
    const sourceRef = { kind: 'GitRepository', name };
    await put(given, 'ImageUpdateAutomation', name, { sourceRef, ...spec(more, git) });
  },
  until: isSettled,
});
const one = (given) => ({ 'deploy/app.yaml': deployment(given, 'app', '1.0.0') });
const iua = 'ImageUpdateAutomation';
/** With the Secret of a signing key, of which some members may be left out. */
const signed = (type, { left = [], asked = type } = {}) => {
  const commit = { author, signingKey: { type: asked, secretRef: { name: `signing-${type}${left.join('')}` } } };
  const step = automate({ files: one }, {}, { commit });
  return {
    ...step,
    act: async (given) => {
      const data = Object.entries(signingKey(given.place, type)).filter(([key]) => !left.includes(key));
      await secret(commit.signingKey.secretRef.name, 'Opaque', Object.fromEntries(data))(given);
      await step.act(given);
    },
  };
};

/** The repository behind TLS, with the certificate in the Secret of the GitRepository. */
const behindTls = (more = {}) => {
  const step = automate({ files: one }, {}, { commit: { author } });
  return {
    ...step,
    act: async (given) => {
      const { place, namespace, name } = given;
      const { host, data } = await tlsServer(place);
      await secret(`tls-${name}`, 'Opaque', { ...data, ...more })(given);
      const url = gitUrl(place, namespace, name).replace(/^http:\/\/[^/]+/, `https://${host}`);
      await automate(
        { files: one, source: { url, secretRef: { name: `tls-${name}` } } },
        {},
        { commit: { author } },
      ).act(given);
    },
  };
};

export const automations = [
  {
    name: 'auto-image',
    steps: [automate({ files: one }), request(iua), suspend(iua), remove(iua)],
  },
  {
    name: 'auto-markers',
    steps: [
      automate({
        files: (given) => ({
          'kustomization.yaml': [
            'apiVersion: kustomize.config.k8s.io/v1beta1',
            'kind: Kustomization',
            'images:',
            `  - name: web # {"$imagepolicy": "${given.namespace}:pinned:name"}`,
            `    newTag: "1.0" # {"$imagepolicy": "${given.namespace}:pinned:tag"}`,
            `    digest: 'x' # {"$imagepolicy": "${given.namespace}:pinned:digest"}`,
            `    whole: a # {"$imagepolicy": "${given.namespace}:pinned"}`,
            `    count: 1 # {"$imagepolicy": "${given.namespace}:labelled:tag"}`,
            `    none: a # {"$imagepolicy": "${given.namespace}:app:digest"}`,
            `    other: a # {"$imagepolicy": "elsewhere:app:tag"}`,
            `    wrong: a # {"$imagepolicy": "${given.namespace}:app:tags"}`,
            `    text: a # {"$imagepolicy": "${given.namespace}:app:tag"} more`,
            '',
          ].join('\n'),
          'notes.txt': `a: b # {"$imagepolicy": "${given.namespace}:app:tag"}\n`,
        }),
      }),
    ],
  },
  {
    name: 'auto-comments',
    steps: [
      automate({
        files: (given) => ({
          'a.yml': [
            '# what it is for',
            'kind: Values # of nothing',
            'metadata: {name: flow}',
            'list:',
            `  # {"$imagepolicy": "${given.namespace}:app:tag"}`,
            '  - first',
            '  - second',
            `  # {"$imagepolicy": "${given.namespace}:app:tag"}`,
            '  - third',
            `  - fourth # {"$imagepolicy": "${given.namespace}:app:tag"}`,
            `# {"$imagepolicy": "${given.namespace}:app:tag"}`,
            'above: stays',
            `empty: # {"$imagepolicy": "${given.namespace}:app:tag"}`,
            `quoted: "v" #{"$imagepolicy": "${given.namespace}:app:tag"}`,
            `anchored: &tag v # {"$imagepolicy": "${given.namespace}:app:tag"}`,
            'alias: *tag',
            `both: v # {"$imagepolicy": "${given.namespace}:app:tag", "other": "text"}`,
            '',
          ].join('\n'),
        }),
      }),
    ],
  },
  {
    name: 'auto-documents',
    steps: [
      automate(
        {
          files: (given) => ({
            'all.yaml': `${deployment(given, 'one', '1.0.0')}---\n${deployment(given, 'two', '1.0.0')}`,
            'broken.yaml': `a: [ # {"$imagepolicy": "${given.namespace}:app:tag"}\n`,
            'chart/templates/x.yaml': '{{ if .Values.x }}\na: b\n{{ end }}\n',
          }),
          push: { programs: ['all.yaml'] },
        },
        {},
        {
          commit: {
            author,
            messageTemplate:
              '{{ range $o, $c := .Changed.Objects }}{{ $o.Kind }}/{{ $o.Name }}/{{ $o.Namespace }}/{{ $o.APIVersion }}\n{{ end }}',
          },
        },
      ),
    ],
  },
  {
    name: 'auto-path',
    steps: [
      automate(
        { files: (given) => ({ ...one(given), 'other/b.yaml': deployment(given, 'b', '1.0.0') }) },
        { update: { path: './other', strategy: 'Setters' } },
      ),
      automate({}, { update: { path: 'nowhere', strategy: 'Setters' } }),
      automate({}, { update: { path: 'deploy/app.yaml', strategy: 'Setters' } }),
    ],
  },
  {
    name: 'auto-message',
    steps: [
      automate(
        { files: (given) => ({ ...one(given), 'a.yaml': deployment(given, 'b', '1.0.0') }) },
        {},
        {
          commit: {
            author: { name: 'Only', email: 'only@example.com' },
            messageTemplate: [
              'Automated image update by {{ .AutomationObject.Name }} in {{ .AutomationObject }}',
              '',
              'Files:',
              '{{ range $filename, $_ := .Changed.FileChanges -}}',
              '- {{ $filename }}',
              '{{ end -}}',
              'Objects:',
              '{{ range $resource, $changes := .Changed.Objects -}}',
              '- {{ $resource.Kind }} {{ $resource.Name }}',
              '  Changes:',
              '{{- range $_, $change := $changes }}',
              '    - {{ $change.OldValue }} -> {{ $change.NewValue }} ({{ $change.Setter }})',
              '{{ end -}}',
              '{{ end -}}',
              'Changes: {{ range .Changed.Changes }}{{ .NewValue | upper | trunc 20 }}{{ end }}',
              'Cluster: {{ .Values.cluster }}, {{ .Values.absent }}{{ index .Values "cluster" | quote }}',
              '',
            ].join('\n'),
            messageTemplateValues: { cluster: 'blue' },
          },
        },
      ),
    ],
  },
  {
    name: 'auto-removed-field',
    steps: [
      automate({ files: one }, {}, { commit: { author, messageTemplate: '{{ .Updated.Files }}' } }),
      automate({}),
    ],
  },
  {
    name: 'auto-removed-result',
    steps: [automate({ files: one }, {}, { commit: { author, messageTemplate: '{{ .Changed.ImageResult.Files }}' } })],
  },
  {
    name: 'auto-bad-template',
    steps: [automate({ files: one }, {}, { commit: { author, messageTemplate: '{{ .A ' } })],
  },
  {
    name: 'auto-bad-function',
    steps: [automate({ files: one }, {}, { commit: { author, messageTemplate: '{{ now }}' } })],
  },
  {
    name: 'auto-bad-field',
    steps: [automate({ files: one }, {}, { commit: { author, messageTemplate: '{{ .Nothing }}' } })],
  },
  {
    name: 'auto-push-branch',
    steps: [
      automate({ files: one }, {}, { push: { branch: 'updates' }, commit: { author } }),
      request(iua),
      automate(
        { files: (given) => ({ 'c.yaml': deployment(given, 'c', '1.0.0') }) },
        { interval: '2h' },
        { push: { branch: 'updates' }, commit: { author } },
      ),
    ],
  },
  {
    name: 'auto-refspec',
    steps: [
      automate({ files: one }, {}, { push: { refspec: 'refs/heads/main:refs/heads/copy' }, commit: { author } }),
      request(iua),
    ],
  },
  {
    name: 'auto-push-options',
    steps: [
      automate(
        { files: one },
        {},
        { push: { branch: 'main', options: { 'merge_request.create': '' } }, commit: { author } },
      ),
    ],
  },
  {
    name: 'auto-checkout-tag',
    steps: [
      automate(
        { files: one, push: { tag: 'v1.0.0' } },
        {},
        { checkout: { ref: { tag: 'v1.0.0' } }, push: { branch: 'from-tag' }, commit: { author } },
      ),
    ],
  },
  {
    name: 'auto-checkout-semver',
    steps: [
      automate(
        { files: one, push: { tag: 'v1.2.3' } },
        {},
        { checkout: { ref: { semver: '1.x' } }, push: { branch: 'from-tag' }, commit: { author } },
      ),
    ],
  },
  {
    name: 'auto-selector',
    steps: [
      automate(
        {
          files: (given) => ({
            'a.yaml': `a: "1" # {"$imagepolicy": "${given.namespace}:app:tag"}\nb: "1" # {"$imagepolicy": "${given.namespace}:labelled:tag"}\n`,
          }),
        },
        { policySelector: { matchLabels: { team: 'a' } } },
      ),
      automate({}, { policySelector: { matchExpressions: [{ key: 'team', operator: 'In' }] } }),
      automate({}, { policySelector: { matchExpressions: [{ key: 'team', operator: 'Has' }] } }),
    ],
  },
  { name: 'auto-certificate', steps: [behindTls()] },
  { name: 'auto-certificate-login', steps: [behindTls({ username: 'a', password: 'b' })] },
  { name: 'auto-sign-ssh', steps: [signed('ssh')] },
  { name: 'auto-sign-gpg', steps: [signed('gpg')] },
  { name: 'auto-sign-no-passphrase', steps: [signed('ssh', { left: ['password'] })] },
  { name: 'auto-sign-gpg-no-passphrase', steps: [signed('gpg', { left: ['passphrase'] })] },
  { name: 'auto-sign-no-key', steps: [signed('ssh', { asked: 'gpg' })] },
  {
    name: 'auto-sign-no-secret',
    steps: [automate({ files: one }, {}, { commit: { author, signingKey: { secretRef: { name: 'absent' } } } })],
  },
  { name: 'auto-no-source', steps: [automate({ hasSource: false })] },
  { name: 'auto-no-git', steps: [automate({ files: one }, { git: undefined })] },
  { name: 'auto-no-branch', steps: [automate({ files: one, ref: { tag: 'v1' } })] },
  {
    name: 'auto-absent-branch',
    // The news of the branch may meet a try that is under way: then it is looked at twice.
    ignored: ['no change since last reconciliation'],
    steps: [automate({ files: one, ref: { branch: 'absent' } }), automate({})],
  },
  { name: 'auto-no-repository', ignored: ourWords, steps: [automate({})] },
  { name: 'auto-no-secret', steps: [automate({ files: one, source: { secretRef: { name: 'absent' } } })] },
  { name: 'auto-nothing', steps: [automate({ files: () => ({ 'a.yaml': 'a: b\n' }) }), request(iua)] },
  {
    name: 'auto-new-tag',
    steps: [
      automate({ files: one }),
      newTag(
        iua,
        { image: 'web', tag: '1.3.0' },
        (object) => isSettled(object) && object.status.observedPolicies.app.tag === '1.3.0',
      ),
    ],
  },
];
