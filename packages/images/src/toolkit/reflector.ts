/** The builtin `towpath.builtin/image-reflector-controller`: which tags there are, and which of them is the newest. */

import { Images, keyOf, keyText, towpathNamespace, type Builtin, type BuiltinContext } from '@towpath/api';
import { systemClock, type Clock } from '@towpath/kit';
import { ToolkitManager, type WatchedKind } from '@towpath/runtime';
import { canonicalRepository } from '../image-ref.ts';
import { chooseLatest, repositoryKeyOf } from './choose-latest.ts';
import {
  ImagePolicies,
  ImageRepositories,
  type ImagePolicy,
  type ImagePolicyStatus,
  type ImageRepository,
  type ImageRepositoryStatus,
} from './kinds.ts';

import { reconcileKind, type KindWork } from './reconcile-kind.ts';
import { scanRepository } from './scan-repository.ts';
import { TagStore } from './tags.ts';

export interface ImageControllerDeps {
  readonly clock?: Clock;
}

const component = 'image-reflector-controller';
const imageKind = { apiVersion: 'towpath.dev/v1alpha1', kind: 'Image' } as const;

/** Arguments are those of Flux's controller that mean something here; an unknown one ends the container with its name. */
export function createImageReflectorController({ clock = systemClock }: ImageControllerDeps = {}): Builtin {
  return async (context) => {
    const manager = new ToolkitManager(component, context, { clock });
    startReflector(manager, context, clock);
    return { done: manager.done };
  };
}

function startReflector(manager: ToolkitManager, context: BuiltinContext, clock: Clock): void {
  const { flags, deps } = manager;
  const tags = new TagStore(clock);
  const news = new Set<string>();
  const shared = {
    ...deps,
    tags,
    hostUrl: context.hostUrl,
    hasEmbeddedRegistry: async () => (await deps.client.resourceFor(imageKind)) !== undefined,
    news,
    noCrossNamespaceRefs: flags.noCrossNamespaceRefs,
    requeueDependencyMs: flags.requeueDependencyMs,
  };
  const repositoryWork: KindWork<ImageRepositoryStatus, ImageRepository> = {
    type: ImageRepositories,
    work: (object, status) => scanRepository(object, status, shared),
    forget: (key) => tags.delete(key),
    answersWhileSuspended: true,
  };
  const policyWork: KindWork<ImagePolicyStatus, ImagePolicy> = {
    type: ImagePolicies,
    work: (object, status, signal) => chooseLatest(object, status, shared, signal),
    answersWhileSuspended: true,
  };
  const repositories = manager.watch(ImageRepositories, (key, signal) =>
    reconcileKind(repositoryWork, key, deps, signal),
  );
  const policies = manager.watch(ImagePolicies, (key, signal) => reconcileKind(policyWork, key, deps, signal));
  followScans(repositories, policies);
  followPushes(manager, repositories, news);
  manager.start();
}

/** A policy looks again when its repository is new, or has other tags. */
function followScans(repositories: WatchedKind<ImageRepository>, policies: WatchedKind<ImagePolicy>): void {
  repositories.informer.onChange(({ type, object, previous }) => {
    if (type === 'delete') return;
    const revision = object.status?.lastScanResult?.revision;
    if (previous !== undefined && revision === previous.status?.lastScanResult?.revision) return;
    const name = keyText(keyOf(object));
    for (const policy of policies.informer.list()) {
      if (keyText(repositoryKeyOf(policy)) === name) policies.controller.enqueue(keyOf(policy));
    }
  });
}

/** The embedded registry tells of every push: no need to wait for the interval. */
function followPushes(manager: ToolkitManager, repositories: WatchedKind<ImageRepository>, news: Set<string>): void {
  const pushes = manager.informer(Images, { namespace: towpathNamespace });
  pushes.onChange(({ type, object }) => {
    if (type === 'delete') return;
    const pushed = canonicalRepository(object.spec.repository);
    for (const repository of repositories.informer.list()) {
      if (canonicalRepository(repository.spec.image) !== pushed) continue;
      news.add(keyText(keyOf(repository)));
      repositories.controller.enqueue(keyOf(repository));
    }
  });
}
