/** The workload controllers of the embedded cluster, started together. */

import { Disposer, type Disposable } from '@towpath/kit';
import { createAutoscalerController } from './autoscaler/controller.ts';
import { createCronJobController } from './cron-job.ts';
import { createDaemonSetController } from './daemon-set.ts';
import { createDeploymentController } from './deployment/controller.ts';
import { createDeps, type DepsOptions } from './deps.ts';
import { createDisruptionController } from './disruption.ts';
import { createEndpointMirrorController } from './endpoint-mirror.ts';
import { createEndpointsController } from './endpoints.ts';
import { createGarbageCollector } from './garbage-collector.ts';
import { createJobController } from './job/controller.ts';
import { createNamespaceController } from './namespace.ts';
import { createNodeLifecycleController } from './node-lifecycle.ts';
import { createPodGarbageController } from './pod-gc.ts';
import { createReplicaSetController, createReplicationController } from './replica-set.ts';
import { createStatefulSetController } from './stateful-set.ts';

export interface ControllersOptions extends DepsOptions {
  /** PEM of the cluster's certificate authority, published as `kube-root-ca.crt`. */
  readonly rootCa: string;
}

export interface Controllers extends Disposable {
  /** Resolves when the controllers have seen everything there was at the start. */
  synced(): Promise<void>;
}

/** Starts every controller. They share one informer per kind; the caller ends them with `dispose`. */
export function startControllers(options: ControllersOptions): Controllers {
  const deps = createDeps(options);
  const controllers = [
    createNamespaceController(deps, { rootCa: options.rootCa }),
    createDeploymentController(deps),
    createReplicaSetController(deps),
    createReplicationController(deps),
    createStatefulSetController(deps),
    createDaemonSetController(deps),
    createJobController(deps),
    createCronJobController(deps),
    createEndpointsController(deps),
    createEndpointMirrorController(deps),
    createDisruptionController(deps),
    createGarbageCollector(deps),
    createNodeLifecycleController(deps),
    createPodGarbageController(deps),
    createAutoscalerController(deps),
  ];
  const ends = new Disposer();
  ends.add(deps.informers);
  for (const controller of controllers) ends.own(controller);
  deps.informers.start();
  let disposed = false;
  const synced = deps.informers.synced().then(() => {
    if (disposed) return;
    for (const controller of controllers) controller.start();
  });
  return {
    synced: () => synced,
    dispose() {
      disposed = true;
      return ends.dispose();
    },
  };
}
