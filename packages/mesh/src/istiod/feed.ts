/** Fills a World from the API and reports what in it the mesh does not do. */

import {
  DestinationRules,
  EndpointSlices,
  Gateways,
  keyOf,
  keyText,
  Pods,
  Services,
  VirtualServices,
  type AnyObject,
  type KubeObject,
  type ResourceType,
} from '@towpath/api';
import { background, type Clock, type Disposer, type Logger } from '@towpath/kit';
import { createInformer, type Client, type Recorder } from '@towpath/runtime';
import type { Problem } from '../model/fields.ts';
import { World } from '../model/world.ts';

export interface FeedDeps {
  readonly client: Client;
  readonly recorder: Recorder;
  readonly clock: Clock;
  readonly log: Logger;
  /** Ends the informers. */
  readonly ends: Disposer;
}

/** Resolves with a World that holds everything there is, and goes on following it. */
export async function startFeed(deps: FeedDeps): Promise<World> {
  const world = new World();
  const reporter = createProblemReporter(deps);
  const apply = <Object extends KubeObject>(set: (object: Object) => void, remove: (object: Object) => void) => {
    return { set, remove };
  };
  const configured = (
    set: (object: AnyObject) => { problems: readonly Problem[] },
    remove: (key: ReturnType<typeof keyOf>) => void,
  ) =>
    apply<AnyObject>(
      (object) => reporter.report(object, set(object).problems),
      (object) => {
        reporter.forget(object);
        remove(keyOf(object));
      },
    );
  await Promise.all([
    follow(deps, Services, {
      set: (object) => world.setService(object),
      remove: (object) => world.removeService(keyOf(object)),
    }),
    follow(deps, EndpointSlices, {
      set: (object) => world.setSlice(object),
      remove: (object) => world.removeSlice(object),
    }),
    follow(deps, Pods, { set: (object) => world.setPod(object), remove: (object) => world.removePod(keyOf(object)) }),
    follow(
      deps,
      VirtualServices,
      configured(
        (o) => world.setVirtualService(o),
        (key) => world.removeVirtualService(key),
      ),
    ),
    follow(
      deps,
      DestinationRules,
      configured(
        (o) => world.setDestinationRule(o),
        (key) => world.removeDestinationRule(key),
      ),
    ),
    follow(
      deps,
      Gateways,
      configured(
        (o) => world.setGateway(o),
        (key) => world.removeGateway(key),
      ),
    ),
  ]);
  return world;
}

interface Sink<Object extends KubeObject> {
  set(object: Object): void;
  remove(object: Object): void;
}

/** Resolves when the kind's first list has been applied. */
function follow<Object extends KubeObject>(
  deps: FeedDeps,
  type: ResourceType<Object>,
  sink: Sink<Object>,
): Promise<void> {
  const { client, clock, log, ends } = deps;
  const informer = ends.own(createInformer<Object>({ client, type, clock, log }));
  informer.onChange((event) => {
    if (event.type === 'delete') sink.remove(event.object);
    else sink.set(event.object);
  });
  informer.start();
  return informer.synced();
}

interface ProblemReporter {
  report(object: KubeObject, problems: readonly Problem[]): void;
  forget(object: KubeObject): void;
}

/** One event per object and set of problems: status updates of an object do not repeat it. */
function createProblemReporter({ recorder, log }: FeedDeps): ProblemReporter {
  const reported = new Map<string, string>();
  const nameOf = (object: KubeObject): string => `${object.kind}/${keyText(keyOf(object))}`;
  return {
    report(object, problems) {
      const name = nameOf(object);
      const message = problems.map((problem) => `${problem.field}: ${problem.message}`).join('; ');
      if (message === (reported.get(name) ?? '')) return;
      reported.set(name, message);
      if (message === '') return;
      log.warn('configuration not supported', { kind: object.kind, ...keyOf(object), problems: message });
      const event = recorder.event(object, { type: 'Warning', reason: 'NotSupported', message });
      background('event', event, log);
    },
    forget(object) {
      reported.delete(nameOf(object));
    },
  };
}
