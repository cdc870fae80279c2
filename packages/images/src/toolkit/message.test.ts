import { describe, expect, test } from 'vitest';
import { messageOf } from '@towpath/kit';
import { commitMessage } from './message.ts';

const web = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', namespace: '' };
const changes = [
  { file: 'b.yaml', object: web, oldValue: 'v1', newValue: 'v2', setter: 'apps:web:tag' },
  {
    file: 'a.yaml',
    object: { ...web, kind: 'CronJob', namespace: 'x' },
    oldValue: 'v1',
    newValue: 'v2',
    setter: 'apps:web:tag',
  },
];
const input = {
  automation: { namespace: 'apps', name: 'all' },
  changes,
  values: { cluster: 'blue' },
  monotonicMs: () => 0,
};

describe('messages of commits', () => {
  test.each([
    { template: undefined, message: 'Update from image update automation' },
    { template: '', message: 'Update from image update automation' },
    { template: '{{ .AutomationObject }} {{ .AutomationObject.Name }}', message: 'apps/all all' },
    {
      template:
        '{{ range $file, $objects := .Changed.FileChanges }}{{ $file }}{{ range $o, $_ := $objects }} {{ $o.Name }}{{ end }};{{ end }}',
      message: 'a.yaml web;b.yaml web;',
    },
    {
      template:
        '{{ range $o, $changes := .Changed.Objects }}{{ $o.APIVersion }} {{ $o.Kind }} {{ $o.Namespace }}:{{ range $changes }} {{ .OldValue }}->{{ .NewValue }}{{ end }};{{ end }}',
      message: 'apps/v1 CronJob x: v1->v2;apps/v1 Deployment : v1->v2;',
    },
    { template: '{{ range .Changed.Changes }}{{ .Setter }}{{ end }}', message: 'apps:web:tag' },
    { template: '{{ .Values.cluster | upper }} {{ .Values.none }}', message: 'BLUE <no value>' },
  ])('$template', ({ template, message }) => {
    expect(commitMessage({ ...input, template })).toBe(message);
  });

  test.each([
    { template: '{{ .Updated.Files }}', reason: 'RemovedTemplateField', says: "removed '.Updated' field" },
    { template: '{{ .Changed.ImageResult }}', reason: 'RemovedTemplateField', says: "'.Changed.ImageResult' field" },
    { template: '{{ now }}', reason: 'GitOperationFailed', says: 'function "now" not defined' },
    {
      template: '{{ .None }}',
      reason: 'GitOperationFailed',
      says: "can't evaluate field None in type source.TemplateData",
    },
    { template: '{{ if }', reason: 'GitOperationFailed', says: 'unable to create commit message template from spec' },
  ])('$template is refused', ({ template, reason, says }) => {
    let failure: unknown;
    try {
      commitMessage({ ...input, template });
    } catch (error) {
      failure = error;
    }

    expect(failure).toMatchObject({ reason });
    expect(messageOf(failure)).toContain(says);
  });
});
