/** What every pod on a node is run with. */

import type { Pod, Service } from '@towpath/api';
import type { Clock, Logger, Random } from '@towpath/kit';
import type { Client, EventInput } from '@towpath/runtime';
import type { ClusterNetwork } from '../../network/network.ts';
import type { NetworkPod } from '../../network/pods.ts';
import type { PodFacts } from '../downward.ts';
import type { ConfigReader } from '../env.ts';
import type { ImageStore } from '../images/image-store.ts';
import type { NodePaths } from '../paths.ts';
import type { RuntimeKind } from '../runtimes/runtime.ts';
import type { Semaphore } from '../semaphore.ts';
import type { TokenSource } from '../service-account-token.ts';
import type { ObjectCache } from '../volumes/object-cache.ts';
import type { PodVolumes } from '../volumes/pod-volumes.ts';

/** A runtime kind chosen for an image. */
export interface ChosenRuntime {
  readonly kind: RuntimeKind;
  /** Before `://` in container ids: `process`, `builtin`, `host`. */
  readonly scheme: string;
  /** False: there is nothing to pull. */
  readonly needsImage: boolean;
  /** `NAME=value` lines below the container's own, where no image gives them. */
  readonly env: readonly string[];
}

export interface NodeContext {
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly paths: NodePaths;
  readonly network: ClusterNetwork;
  readonly images: ImageStore;
  readonly objects: ObjectCache;
  readonly services: () => readonly Service[];
  readonly runtimeFor: (image: string) => ChosenRuntime;
  /** Calls back when the embedded registry gets the tag of that image. Returns the end of the subscription. */
  readonly onImageArrival: (reference: string, arrived: () => void) => () => void;
  /** How many programs start at once. */
  readonly starts: Semaphore;
  /** An event on the pod, from the kubelet of its node. */
  readonly event: (pod: Pod, input: EventInput) => void;
  /** The transport of builtin containers asks here for the pod's tokens. */
  readonly registerTokens: (uid: string, tokens: TokenSource | undefined) => void;
}

/** What the containers of one pod share. */
export interface PodContext extends NodeContext {
  /** The newest version of the pod. */
  readonly pod: () => Pod;
  readonly facts: PodFacts;
  readonly networkPod: NetworkPod;
  readonly volumes: PodVolumes;
  readonly config: ConfigReader;
  readonly hostname: string;
  readonly hosts: string;
}
