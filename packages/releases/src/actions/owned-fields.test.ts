import { describe, expect, it } from 'vitest';
import { keepOwnedFields } from './owned-fields.ts';

function owned(fieldsV1: Record<string, unknown>, manager = 'flagger') {
  return [{ manager, operation: 'Update' as const, fieldsType: 'FieldsV1' as const, fieldsV1 }];
}

describe('keepOwnedFields', () => {
  const rows = [
    {
      name: 'replicas that Flagger scaled down stay',
      last: { spec: { replicas: 1, template: { image: 'v1' } } },
      next: { spec: { replicas: 1, template: { image: 'v2' } } },
      live: { spec: { replicas: 0, template: { image: 'v1' } } },
      fields: owned({ 'f:spec': { 'f:replicas': {} } }),
      want: { spec: { replicas: 0, template: { image: 'v2' } } },
    },
    {
      name: 'a field the chart changed is the chart’s',
      last: { spec: { replicas: 1 } },
      next: { spec: { replicas: 3 } },
      live: { spec: { replicas: 0 } },
      fields: owned({ 'f:spec': { 'f:replicas': {} } }),
      want: { spec: { replicas: 3 } },
    },
    {
      name: 'another manager’s field is restored',
      last: { spec: { replicas: 1 } },
      next: { spec: { replicas: 1 } },
      live: { spec: { replicas: 5 } },
      fields: owned({ 'f:spec': { 'f:replicas': {} } }, 'kubectl'),
      want: { spec: { replicas: 1 } },
    },
    {
      name: 'a selector owned as a whole',
      last: { spec: { selector: { app: 'frontend' } } },
      next: { spec: { selector: { app: 'frontend' }, type: 'ClusterIP' } },
      live: { spec: { selector: { app: 'frontend-primary' }, type: 'ClusterIP' } },
      fields: owned({ 'f:spec': { 'f:selector': {} } }),
      want: { spec: { selector: { app: 'frontend-primary' }, type: 'ClusterIP' } },
    },
    {
      name: 'a selector owned key by key',
      last: { spec: { selector: { app: 'frontend' } } },
      next: { spec: { selector: { app: 'frontend' } } },
      live: { spec: { selector: { app: 'frontend-primary' } } },
      fields: owned({ 'f:spec': { 'f:selector': { '.': {}, 'f:app': {} } } }),
      want: { spec: { selector: { app: 'frontend-primary' } } },
    },
    {
      name: 'route weights stay while a route gets a timeout',
      last: { spec: { http: [{ route: [{ weight: 100 }] }] } },
      next: { spec: { http: [{ timeout: '5s', route: [{ weight: 100 }] }] } },
      live: { spec: { http: [{ route: [{ weight: 90 }, { weight: 10 }] }] } },
      fields: owned({ 'f:spec': { 'f:http': {} } }),
      want: { spec: { http: [{ timeout: '5s', route: [{ weight: 90 }, { weight: 10 }] }] } },
    },
    {
      name: 'a list element by its key',
      last: { ports: [{ port: 80, protocol: 'TCP', targetPort: 8080 }] },
      next: { ports: [{ port: 80, protocol: 'TCP', targetPort: 8080 }] },
      live: { ports: [{ port: 80, protocol: 'TCP', targetPort: 9090 }] },
      fields: owned({ 'f:ports': { 'k:{"port":80,"protocol":"TCP"}': { 'f:targetPort': {} } } }),
      want: { ports: [{ port: 80, protocol: 'TCP', targetPort: 9090 }] },
    },
  ];

  it.each(rows)('$name', ({ last, next, live, fields, want }) => {
    expect(keepOwnedFields({ last, next, live, managedFields: fields, manager: 'flagger' })).toEqual(want);
  });
});
