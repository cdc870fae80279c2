/** The builtin `towpath.builtin/image-automation-controller`: commits of ImageUpdateAutomations. */

import { join } from 'node:path';
import { keyOf, type Builtin, type BuiltinContext } from '@towpath/api';
import { createGit } from '@towpath/git';
import { jsonEqual, systemClock, type Clock } from '@towpath/kit';
import { forgetPlace } from './git-place.ts';
import {
  GitRepositories,
  ImagePolicies,
  ImageUpdateAutomations,
  type ImageUpdateAutomation,
  type ImageUpdateAutomationStatus,
} from './kinds.ts';
import { Manager, type Watched } from './manager.ts';
import { reconcileKind, type KindWork } from './reconcile-kind.ts';
import type { ImageControllerDeps } from './reflector.ts';
import { updateRepository } from './update-repository.ts';

const component = 'image-automation-controller';

/** Arguments are those of Flux's controller that mean something here; an unknown one ends the container with its name. */
export function createImageAutomationController({ clock = systemClock }: ImageControllerDeps = {}): Builtin {
  return async (context) => {
    const manager = new Manager(component, context, clock);
    startAutomation(manager, context, clock);
    return { done: manager.done };
  };
}

function startAutomation(manager: Manager, context: BuiltinContext, clock: Clock): void {
  const { deps, flags } = manager;
  const mirrorsDir = join(context.scratchDir, 'mirrors');
  const shared = {
    ...deps,
    log: context.log,
    git: createGit({ clock }),
    mirrorsDir,
    hostUrl: context.hostUrl,
    noCrossNamespaceRefs: flags.noCrossNamespaceRefs,
  };
  const kind: KindWork<ImageUpdateAutomationStatus, ImageUpdateAutomation> = {
    type: ImageUpdateAutomations,
    work: (object, status, signal) => updateRepository(object, status, shared, signal),
    forget: (key) => forgetPlace(key, mirrorsDir),
    answersWhileSuspended: false,
  };
  const automations = manager.watch(ImageUpdateAutomations, (key, signal) => reconcileKind(kind, key, deps, signal));
  followPolicies(manager, automations);
  followSources(manager, automations);
  manager.start();
}

/** Any automation of the namespace may have a marker for a policy. */
function followPolicies(manager: Manager, automations: Watched<ImageUpdateAutomation>): void {
  manager.informer(ImagePolicies).onChange(({ object, previous }) => {
    const latest = object.status?.latestRef;
    if (previous === undefined || latest === undefined || jsonEqual(latest, previous.status?.latestRef)) return;
    for (const automation of automations.informer.list()) {
      if (automation.metadata.namespace === object.metadata.namespace)
        automations.controller.enqueue(keyOf(automation));
    }
  });
}

/** A GitRepository that is new or says something else. */
function followSources(manager: Manager, automations: Watched<ImageUpdateAutomation>): void {
  manager.informer(GitRepositories).onChange(({ type, object, previous }) => {
    if (type === 'delete' || previous?.metadata.generation === object.metadata.generation) return;
    for (const automation of automations.informer.list()) {
      const { name, namespace = '' } = automation.spec.sourceRef;
      const isIts = name === object.metadata.name;
      const from = namespace === '' ? automation.metadata.namespace : namespace;
      if (isIts && from === object.metadata.namespace) automations.controller.enqueue(keyOf(automation));
    }
  });
}
