/** The strategies of the built-in collections. */

import {
  configMap,
  endpoints,
  event,
  namespace,
  node,
  persistentVolume,
  persistentVolumeClaim,
  podTemplate,
  secret,
} from './core.ts';
import { customResourceDefinition } from './custom-resource-definition.ts';
import { limitRange } from '../quota/limits.ts';
import { cronJob, job } from './jobs.ts';
import {
  csiDriver,
  endpointSlice,
  horizontalPodAutoscaler,
  ingress,
  ingressClass,
  ipAddress,
  networkPolicy,
  podDisruptionBudget,
  priorityClass,
  role,
  roleBinding,
  signingRequest,
  storageClass,
  webhookConfiguration,
} from './others.ts';
import { pod } from './pod.ts';
import { service } from './service.ts';
import type { Strategy } from './strategy.ts';
import { daemonSet, deployment, replicaSet, replicationController, statefulSet } from './workloads.ts';

const none: Strategy = {};

const strategies: Readonly<Record<string, Strategy>> = {
  'core/configmaps': configMap,
  'core/endpoints': endpoints,
  'core/events': event,
  'core/namespaces': namespace,
  'core/nodes': node,
  'core/persistentvolumeclaims': persistentVolumeClaim,
  'core/persistentvolumes': persistentVolume,
  'core/pods': pod,
  'core/podtemplates': podTemplate,
  'core/replicationcontrollers': replicationController,
  'core/secrets': secret,
  'core/services': service,
  'apps/daemonsets': daemonSet,
  'apps/deployments': deployment,
  'apps/replicasets': replicaSet,
  'apps/statefulsets': statefulSet,
  'batch/cronjobs': cronJob,
  'batch/jobs': job,
  'autoscaling/horizontalpodautoscalers': horizontalPodAutoscaler,
  'core/limitranges': limitRange,
  'certificates.k8s.io/certificatesigningrequests': signingRequest,
  'discovery.k8s.io/endpointslices': endpointSlice,
  'networking.k8s.io/ingresses': ingress,
  'networking.k8s.io/ipaddresses': ipAddress,
  'networking.k8s.io/networkpolicies': networkPolicy,
  'policy/poddisruptionbudgets': podDisruptionBudget,
  'rbac.authorization.k8s.io/clusterroles': role,
  'rbac.authorization.k8s.io/clusterrolebindings': roleBinding,
  'rbac.authorization.k8s.io/roles': role,
  'rbac.authorization.k8s.io/rolebindings': roleBinding,
  'scheduling.k8s.io/priorityclasses': priorityClass,
  'storage.k8s.io/storageclasses': storageClass,
  'storage.k8s.io/csidrivers': csiDriver,
  'networking.k8s.io/ingressclasses': ingressClass,
  'admissionregistration.k8s.io/mutatingwebhookconfigurations': webhookConfiguration,
  'admissionregistration.k8s.io/validatingwebhookconfigurations': webhookConfiguration,
  'apiextensions.k8s.io/customresourcedefinitions': customResourceDefinition,
};

/** What is special about a collection. */
export function strategyFor(collection: string): Strategy {
  return strategies[collection] ?? none;
}
