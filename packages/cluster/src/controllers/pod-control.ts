/** Creates and deletes the pods of a controller, with the events its users read. */

import { keyOf, ownerReference, Pods, type KubeObject, type Pod, type PodTemplate } from '@towpath/api';
import { messageOf } from '@towpath/kit';
import { isNotFound, type Client, type Recorder } from '@towpath/runtime';

export interface PodControl {
  /** Creates one pod; a failure is told in an event of the owner and thrown. */
  create(owner: KubeObject, pod: Pod): Promise<Pod>;
  delete(owner: KubeObject, pod: Pod): Promise<void>;
}

/** Messages as Kubernetes' controllers write them; StatefulSets have their own. */
export interface PodMessages {
  created(pod: Pod, owner: KubeObject): string;
  createFailed(error: string, pod: Pod, owner: KubeObject): string;
  deleted(pod: Pod, owner: KubeObject): string;
  deleteFailed(error: string, pod: Pod, owner: KubeObject): string;
}

const ordinaryMessages: PodMessages = {
  created: (pod) => `Created pod: ${pod.metadata.name}`,
  createFailed: (error) => `Error creating: ${error}`,
  deleted: (pod) => `Deleted pod: ${pod.metadata.name}`,
  deleteFailed: (error) => `Error deleting: ${error}`,
};

export function createPodControl(options: { client: Client; recorder: Recorder; messages?: PodMessages }): PodControl {
  const { client, recorder } = options;
  const messages = options.messages ?? ordinaryMessages;
  return {
    async create(owner, pod) {
      try {
        const created = await client.create(Pods, pod);
        void recorder.event(owner, {
          type: 'Normal',
          reason: 'SuccessfulCreate',
          message: messages.created(created, owner),
        });
        return created;
      } catch (error) {
        const message = messages.createFailed(messageOf(error), pod, owner);
        void recorder.event(owner, { type: 'Warning', reason: 'FailedCreate', message });
        throw error;
      }
    },
    async delete(owner, pod) {
      try {
        await client.delete(Pods, keyOf(pod), pod.metadata.uid === undefined ? {} : { uid: pod.metadata.uid });
        const message = messages.deleted(pod, owner);
        void recorder.event(owner, { type: 'Normal', reason: 'SuccessfulDelete', message });
      } catch (error) {
        if (isNotFound(error)) return;
        const message = messages.deleteFailed(messageOf(error), pod, owner);
        void recorder.event(owner, { type: 'Warning', reason: 'FailedDelete', message });
        throw error;
      }
    },
  };
}

/** A pod of `owner` from its template. With `name` unset the server makes one from the owner's name. */
export function podFromTemplate(options: {
  owner: KubeObject;
  template: PodTemplate;
  name?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  finalizers?: string[];
}): Pod {
  const { owner, template } = options;
  const annotations = { ...template.metadata?.annotations, ...options.annotations };
  const finalizers = [...(template.metadata?.finalizers ?? []), ...(options.finalizers ?? [])];
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...(options.name === undefined
        ? { name: '', generateName: `${owner.metadata.name}-` }
        : { name: options.name, generateName: `${owner.metadata.name}-` }),
      ...(owner.metadata.namespace !== undefined && { namespace: owner.metadata.namespace }),
      labels: { ...template.metadata?.labels, ...options.labels },
      ...(Object.keys(annotations).length > 0 && { annotations }),
      ...(finalizers.length > 0 && { finalizers }),
      ownerReferences: [ownerReference(owner)],
    },
    spec: structuredClone(template.spec),
  };
}

/** The largest number of writes for one owner at once. */
const largestBatch = 100;

/**
 * Runs `work` `count` times in batches of 1, 2, 4, …; stops after the batch that failed and throws its first error,
 * so that a namespace without quota does not get hundreds of failing requests.
 * Source: Kubernetes pkg/controller/replicaset, slowStartBatch.
 */
export async function slowStart(count: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  for (let size = 1; next < count; size = Math.min(size * 2, largestBatch)) {
    const batch = Array.from({ length: Math.min(size, count - next) }, (_, offset) => work(next + offset));
    next += batch.length;
    const results = await Promise.allSettled(batch);
    const failed = results.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }
}
