/** The builtin `towpath.builtin/image-automation-controller`: commits of ImageUpdateAutomations. */

import { join } from 'node:path';
import {
  keyOf,
  Repositories,
  towpathNamespace,
  type Builtin,
  type BuiltinContext,
  type Repository,
} from '@towpath/api';
import { createGit, repositoryIdentity } from '@towpath/git';
import { jsonEqual, systemClock, type Clock, type Timer } from '@towpath/kit';
import { ToolkitManager, type Informer, type WatchedKind } from '@towpath/runtime';
import { forgetPlace } from './git-place.ts';
import {
  GitRepositories,
  ImagePolicies,
  ImageUpdateAutomations,
  type GitRepository,
  type ImageUpdateAutomation,
  type ImageUpdateAutomationStatus,
} from './kinds.ts';

import { reconcileKind, type KindWork } from './reconcile-kind.ts';
import type { ImageControllerDeps } from './reflector.ts';
import { updateRepository } from './update-repository.ts';

const component = 'image-automation-controller';

/** Arguments are those of Flux's controller that mean something here; an unknown one ends the container with its name. */
export function createImageAutomationController({ clock = systemClock }: ImageControllerDeps = {}): Builtin {
  return async (context) => {
    const manager = new ToolkitManager(component, context, { clock });
    startAutomation(manager, context, clock);
    return { done: manager.done };
  };
}

function startAutomation(manager: ToolkitManager, context: BuiltinContext, clock: Clock): void {
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
  const sources = manager.informer(GitRepositories);
  followSources(sources, automations);
  followPushes(manager, { automations, sources, clock });
  manager.start();
}

/** Any automation of the namespace may have a marker for a policy. */
function followPolicies(manager: ToolkitManager, automations: WatchedKind<ImageUpdateAutomation>): void {
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
function followSources(sources: Informer<GitRepository>, automations: WatchedKind<ImageUpdateAutomation>): void {
  sources.onChange(({ type, object, previous }) => {
    if (type === 'delete' || previous?.metadata.generation === object.metadata.generation) return;
    for (const automation of automationsOf(object, automations)) automations.controller.enqueue(keyOf(automation));
  });
}

function automationsOf(
  { metadata }: GitRepository,
  { informer }: WatchedKind<ImageUpdateAutomation>,
): readonly ImageUpdateAutomation[] {
  return informer.list().filter((automation) => {
    const { name, namespace = '' } = automation.spec.sourceRef;
    const from = namespace === '' ? automation.metadata.namespace : namespace;
    return name === metadata.name && from === metadata.namespace;
  });
}

/** After a push it takes this long until its own automation has written that it was its own. */
const ownPushMs = 1_000;

/** The embedded Git server tells of every push: a marker that is new in the repository need not wait for the interval. */
function followPushes(
  manager: ToolkitManager,
  { automations, sources, clock }: Pushes & { readonly clock: Clock },
): void {
  const timers = new Set<Timer>();
  manager.ends.add(() => timers.forEach((timer) => timer.cancel()));
  manager.informer(Repositories, { namespace: towpathNamespace }).onChange(({ type, object }) => {
    if (type === 'delete') return;
    const timer = clock.startTimer(ownPushMs, () => {
      timers.delete(timer);
      for (const automation of behind(object, { automations, sources }))
        automations.controller.enqueue(keyOf(automation));
    });
    timers.add(timer);
  });
}

interface Pushes {
  readonly automations: WatchedKind<ImageUpdateAutomation>;
  readonly sources: Informer<GitRepository>;
}

/** The automations that saw another commit of their branch than the one a repository is at. */
function behind(repository: Repository, { automations, sources }: Pushes): readonly ImageUpdateAutomation[] {
  const identity = identityOf(repository.spec.url);
  const isIts = ({ spec }: GitRepository): boolean => identity !== undefined && identityOf(spec.url) === identity;
  return sources
    .list()
    .filter(isIts)
    .flatMap((source) =>
      automationsOf(source, automations).filter(({ spec, status }) => {
        const { branch = 'master' } = spec.git?.checkout?.ref ?? source.spec.ref ?? {};
        return status?.observedSourceRevision !== `${branch}@sha1:${repository.status?.branches?.[branch]}`;
      }),
    );
}

/** Undefined for what is no URL of a repository: its own reconcile says so. */
function identityOf(url: string): string | undefined {
  try {
    return repositoryIdentity(url);
  } catch {
    return undefined;
  }
}
