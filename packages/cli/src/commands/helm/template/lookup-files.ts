/** `--lookup`: the objects in YAML files answer `lookup`, as a cluster that held them would. */

import { readdir, readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Lookup, LookupRequest } from '@towpath/charts';
import { getIn, messageOf, TowpathError, type UnknownRecord } from '@towpath/kit';
import { parseManifest } from '@towpath/releases';
import type { CliContext } from '../../../context.ts';

type Fixture = ReturnType<typeof parseManifest>[number];

/** Reads files, and the .yaml, .yml and .json files of folders. Throws `LOOKUP_INVALID` naming the file. */
export async function lookupFiles(context: CliContext, paths: readonly string[], namespace: string): Promise<Lookup> {
  const objects: Fixture[] = [];
  for (const path of paths) {
    for (const file of await filesAt(resolve(context.cwd, path), path)) objects.push(...(await readObjects(file)));
  }
  return lookupIn(objects, namespace);
}

async function filesAt(path: string, shown: string): Promise<string[]> {
  const about = await stat(path).catch(() => undefined);
  if (about === undefined) throw invalid(shown, 'no such file or folder');
  if (!about.isDirectory()) return [path];
  const names = (await readdir(path)).filter((name) => /\.(ya?ml|json)$/.test(name)).toSorted();
  return names.map((name) => join(path, name));
}

async function readObjects(file: string): Promise<Fixture[]> {
  try {
    return parseManifest(await readFile(file, 'utf8'));
  } catch (error) {
    throw invalid(file, messageOf(error), error);
  }
}

function invalid(file: string, problem: string, cause?: unknown): Error {
  return new TowpathError('LOOKUP_INVALID', `--lookup ${file}: ${problem}`, {
    next: 'name files of Kubernetes objects, as kubectl get -o yaml writes them',
    ...(cause === undefined ? {} : { cause }),
  });
}

/** Objects that name no namespace are in `namespace`, as far as their kind is in namespaces. */
export function lookupIn(objects: readonly Fixture[], namespace: string): Lookup {
  const clusterKinds = clusterScoped(objects);
  const placed = objects.map((object) => {
    const isCluster = clusterKinds.has(kindOf(object.apiVersion, object.kind));
    return { object, place: isCluster ? '' : (object.metadata.namespace ?? namespace) };
  });
  return (request) => {
    const { apiVersion, kind, name } = request;
    const isCluster = clusterKinds.has(kindOf(apiVersion, kind));
    const found = placed.filter(
      ({ object, place }) =>
        object.apiVersion === apiVersion &&
        object.kind === kind &&
        (isCluster || request.namespace === '' || place === request.namespace),
    );
    if (name === '') return listOf(request, found.map(complete));
    // An object of a namespace is only found in it: without one the API has no such address.
    const one = found.find(({ object }) => object.metadata.name === name && (isCluster || request.namespace !== ''));
    return one === undefined ? undefined : complete(one);
  };
}

function complete({ object, place }: { object: Fixture; place: string }): UnknownRecord {
  const { namespace: _none, ...metadata } = object.metadata;
  return { ...object, metadata: place === '' ? metadata : { ...metadata, namespace: place } };
}

function listOf({ apiVersion, kind }: LookupRequest, items: readonly UnknownRecord[]): UnknownRecord {
  return { apiVersion, kind: `${kind}List`, metadata: { resourceVersion: '' }, items };
}

function kindOf(apiVersion: string, kind: string): string {
  const slash = apiVersion.indexOf('/');
  return `${slash < 0 ? '' : apiVersion.slice(0, slash)}/${kind}`;
}

/** Built-in kinds that are in no namespace. Source: kubectl api-resources --namespaced=false, Kubernetes 1.34. */
const builtinClusterKinds = [
  '/ComponentStatus',
  '/Namespace',
  '/Node',
  '/PersistentVolume',
  'admissionregistration.k8s.io/MutatingAdmissionPolicy',
  'admissionregistration.k8s.io/MutatingAdmissionPolicyBinding',
  'admissionregistration.k8s.io/MutatingWebhookConfiguration',
  'admissionregistration.k8s.io/ValidatingAdmissionPolicy',
  'admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding',
  'admissionregistration.k8s.io/ValidatingWebhookConfiguration',
  'apiextensions.k8s.io/CustomResourceDefinition',
  'apiregistration.k8s.io/APIService',
  'certificates.k8s.io/CertificateSigningRequest',
  'certificates.k8s.io/ClusterTrustBundle',
  'flowcontrol.apiserver.k8s.io/FlowSchema',
  'flowcontrol.apiserver.k8s.io/PriorityLevelConfiguration',
  'networking.k8s.io/IngressClass',
  'networking.k8s.io/IPAddress',
  'networking.k8s.io/ServiceCIDR',
  'node.k8s.io/RuntimeClass',
  'policy/PodSecurityPolicy',
  'rbac.authorization.k8s.io/ClusterRole',
  'rbac.authorization.k8s.io/ClusterRoleBinding',
  'resource.k8s.io/DeviceClass',
  'resource.k8s.io/ResourceSlice',
  'scheduling.k8s.io/PriorityClass',
  'storage.k8s.io/CSIDriver',
  'storage.k8s.io/CSINode',
  'storage.k8s.io/StorageClass',
  'storage.k8s.io/VolumeAttachment',
  'storage.k8s.io/VolumeAttributesClass',
];

/** The built-in ones, and those whose definition is among the objects. */
function clusterScoped(objects: readonly Fixture[]): Set<string> {
  const kinds = new Set(builtinClusterKinds);
  for (const object of objects) {
    if (object.kind !== 'CustomResourceDefinition' || getIn(object, ['spec', 'scope']) !== 'Cluster') continue;
    kinds.add(`${String(getIn(object, ['spec', 'group']))}/${String(getIn(object, ['spec', 'names', 'kind']))}`);
  }
  return kinds;
}
