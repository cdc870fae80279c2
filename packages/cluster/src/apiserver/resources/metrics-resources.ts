/** `metrics.k8s.io`: resources that are computed from what the nodes say. */

import type { StructSchema } from '../schema/schema.ts';
import type { Resource } from './resource.ts';

export const metricsGroup = 'metrics.k8s.io';

const schema: StructSchema = { kind: 'struct', typeName: '', fields: new Map(), atomic: false, preserveUnknown: true };

function resource(plural: string, kind: string, namespaced: boolean): Resource {
  return {
    group: metricsGroup,
    version: 'v1beta1',
    apiVersion: `${metricsGroup}/v1beta1`,
    plural,
    kind,
    listKind: `${kind}List`,
    singular: '',
    namespaced,
    verbs: ['get', 'list'],
    shortNames: [],
    categories: [],
    subresources: new Map(),
    collection: `${metricsGroup}/${plural}`,
    hub: `${metricsGroup}/v1beta1`,
    schema,
  };
}

/** Usage of nodes and pods. */
export const metricsResources: readonly Resource[] = [
  resource('nodes', 'NodeMetrics', false),
  resource('pods', 'PodMetrics', true),
];
