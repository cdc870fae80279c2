/** Steps of scenarios: what is done to an object, and when its controller has answered. */

import { isSettled } from '../releases/compare.mjs';
import { pushTag, registryHost } from './material.mjs';

const group = 'image.toolkit.fluxcd.io/v1';
const plurals = {
  ImageRepository: 'imagerepositories',
  ImagePolicy: 'imagepolicies',
  ImageUpdateAutomation: 'imageupdateautomations',
};

export const pluralOf = (kind) => plurals[kind];
export const objectPath = (namespace, kind, name) => `/apis/${group}/namespaces/${namespace}/${plurals[kind]}/${name}`;

export const put = (given, kind, name, spec, extra = {}) =>
  given.api.apply({
    apiVersion: group,
    kind,
    metadata: { namespace: given.namespace, name, ...extra },
    spec: typeof spec === 'function' ? spec(given) : spec,
  });

export const give = (kind, spec, extra) => ({
  kind,
  act: (given) => put(given, kind, given.name, spec, extra),
  until: isSettled,
});

export const imageOf = (image) => (given) => `${registryHost(given.place)}/${given.namespace}/${image}`;
export const repository = (image, more) =>
  give('ImageRepository', (given) => ({ image: imageOf(image)(given), interval: '1h', ...more }));
export const policy = (repositoryName, choice, more) =>
  give('ImagePolicy', { imageRepositoryRef: { name: repositoryName }, policy: choice, ...more });

export const request = (kind) => ({
  kind,
  act: ({ api, namespace, name }) => ask(api, namespace, kind, name),
  until: (object) =>
    isSettled(object) &&
    object.status.lastHandledReconcileAt === object.metadata.annotations['reconcile.fluxcd.io/requestedAt'],
});
const ask = (api, namespace, kind, name) =>
  api.patch(objectPath(namespace, kind, name), {
    metadata: { annotations: { 'reconcile.fluxcd.io/requestedAt': new Date().toISOString() } },
  });
export const suspend = (kind) => ({
  kind,
  act: ({ api, namespace, name }) => api.patch(objectPath(namespace, kind, name), { spec: { suspend: true } }),
  until: (object) => object.spec.suspend === true,
});
export const remove = (kind) => ({
  kind,
  act: ({ api, namespace, name }) => api.delete(objectPath(namespace, kind, name)),
  until: (object) => object === undefined,
});
/** A new tag, and a scan that finds it. */
export const newTag = (kind, { image, tag, text }, until) => ({
  kind,
  act: async ({ place, api, namespace }) => {
    await pushTag(place, `${namespace}/${image}`, tag, text);
    await ask(api, namespace, 'ImageRepository', image);
  },
  until,
});

export const secret = (name, type, stringData) => async (given) =>
  given.api.apply({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { namespace: given.namespace, name },
    type,
    stringData,
  });

/** Words of what lies below: they are not compared. */
export const ourWords = ['/message', '/kubectl', '/events'];
