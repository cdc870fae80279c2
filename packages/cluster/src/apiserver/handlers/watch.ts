/** Watches: a stream of changes in the asked form, with bookmarks and initial events. */

import type { AnyObject } from '@towpath/api';
import { AsyncQueue, type Timer } from '@towpath/kit';
import type { ApiResponse } from '../http/message.ts';
import { cause, expired, invalid } from '../http/status.ts';
import type { ChangeEvent, ChangeType, StoredObject } from '../storage/collection.ts';
import type { ApiContext, Target } from './context.ts';
import { negotiate } from './negotiate.ts';
import { checkNotTooNew } from './read.ts';
import type { Resource } from '../resources/resource.ts';
import { partial, renderObject, type RenderOptions } from './render.ts';
import { parseSelection, selects, type Selection } from './selectors.ts';

const bookmarkEveryMs = 60_000;
/** Without a timeout in the query, watches end after 30 to 60 minutes. */
const minTimeoutSeconds = 1800;
/** Watches that are not longer than this end without a last bookmark. Source: apiserver, cacher, bookmark deadline. */
const lastBookmarkSeconds = 2;
/** Lines a slow client may be behind before its watch is ended. */
const maxQueuedLines = 20_000;

interface WatchQuery {
  readonly initialEvents: boolean;
  readonly initialBookmark: boolean;
  readonly bookmarks: boolean;
  /** Undefined starts from now or with initial events. */
  readonly from: number | undefined;
}

/** Answers a watch of a collection, or of one object when `name` is given. */
export async function watchObjects(context: ApiContext, target: Target, name?: string): Promise<ApiResponse> {
  const format = negotiate(target.headers['accept'], 'many');
  const selection = parseSelection(target.resource, target.query, name);
  const query = watchQuery(context, target);
  if (!context.objects.isSettled) await context.objects.settled();
  const watch = new Watch({
    context,
    target,
    selection,
    query,
    options: { format, nowMs: 0, includeObject: target.query.get('includeObject') ?? 'Metadata' },
  });
  return {
    status: 200,
    headers: { 'content-type': 'application/json', 'transfer-encoding': 'chunked' },
    body: watch.run(),
  };
}

function watchQuery(context: ApiContext, target: Target): WatchQuery {
  const { query } = target;
  const sendInitial = query.get('sendInitialEvents');
  const match = query.get('resourceVersionMatch') ?? '';
  const version = query.get('resourceVersion') ?? '';
  const bookmarks = query.get('allowWatchBookmarks') === 'true' || query.get('allowWatchBookmarks') === '1';
  const causes = [];
  if (sendInitial !== null && match !== 'NotOlderThan') {
    causes.push(
      cause.forbidden(
        'resourceVersionMatch',
        'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
      ),
    );
    if (match !== '') causes.push(cause.notSupported('resourceVersionMatch', match, ['NotOlderThan']));
  } else if (sendInitial === null && match !== '') {
    causes.push(
      cause.forbidden(
        'resourceVersionMatch',
        'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided',
      ),
    );
  }
  if (causes.length > 0) throw invalid({ group: 'meta.k8s.io', kind: 'ListOptions', name: '' }, causes);
  const from = checkNotTooNew(context, target, 'watch');
  const legacyInitial = sendInitial === null && (version === '' || version === '0');
  const initialEvents = sendInitial === 'true' || sendInitial === '1' || legacyInitial;
  return {
    initialEvents,
    initialBookmark: initialEvents && bookmarks,
    bookmarks,
    from: initialEvents || version === '' || version === '0' ? undefined : from,
  };
}

interface WatchParts {
  readonly context: ApiContext;
  readonly target: Target;
  readonly selection: Selection;
  readonly query: WatchQuery;
  readonly options: RenderOptions;
}

class Watch {
  readonly #parts: WatchParts;
  readonly #prefix: string;
  readonly #queue = new AsyncQueue<string>({ limit: maxQueuedLines });
  #sentRv = 0;
  #unsubscribe: (() => void) | undefined;
  #timers: Timer[] = [];

  constructor(parts: WatchParts) {
    this.#parts = parts;
    const { resource, namespace } = parts.target;
    this.#prefix = resource.namespaced && namespace !== undefined ? `${namespace}/` : '';
    this.#start();
  }

  /** Lines until the client leaves, the timeout passes, or the client is too slow. */
  async *run(): AsyncGenerator<string, void, undefined> {
    try {
      if (!this.#parts.context.objects.isSettled) await this.#parts.context.objects.settled();
      yield* this.#queue;
    } finally {
      this.#stop();
    }
  }

  #start(): void {
    const { context, target, query } = this.#parts;
    const collection = context.objects.collection(target.resource.collection);
    target.signal?.addEventListener('abort', this.#stop, { once: true });
    // Everything up to here is sent as initial state or replayed; announcements that are still on their way are not repeated.
    const revision = context.objects.revision;
    this.#sentRv = query.from ?? revision;
    if (query.initialEvents) this.#sendInitial(collection.list(this.#prefix), revision);
    else if (query.from !== undefined) {
      const missed = collection.eventsAfter(query.from);
      if (missed === undefined) {
        this.#sendExpired(query.from, collection.oldestWatchable);
        return;
      }
      for (const event of missed) this.#send(event);
    }
    this.#unsubscribe = collection.subscribe((event) => this.#send(event));
    this.#startTimers();
    // The client may have left while the request was authenticated.
    if (target.signal?.aborted === true) this.#stop();
  }

  #sendInitial(objects: readonly StoredObject[], revision: number): void {
    for (const stored of objects) {
      if (this.#selected(stored.object)) this.#queue.push(this.#line('ADDED', stored));
    }
    if (this.#parts.query.initialBookmark) this.#sendBookmark(revision, true);
  }

  #sendExpired(asked: number, oldest: number): void {
    const status = expired(`too old resource version: ${asked} (${oldest})`).status;
    this.#queue.push(`${JSON.stringify({ type: 'ERROR', object: status })}\n`);
    this.#queue.close();
  }

  #startTimers(): void {
    const { context, target, query } = this.#parts;
    const asked = Number(target.query.get('timeoutSeconds') ?? 0);
    const timeoutSeconds = asked > 0 ? asked : minTimeoutSeconds + context.random.integer(minTimeoutSeconds);
    const end = (): void => {
      if (query.bookmarks && timeoutSeconds > lastBookmarkSeconds && context.objects.isSettled)
        this.#sendBookmark(context.objects.revision, false);
      this.#queue.close();
    };
    this.#timers.push(context.clock.startTimer(timeoutSeconds * 1000, end));
    if (query.bookmarks) this.#scheduleBookmark();
  }

  #scheduleBookmark(): void {
    const { context } = this.#parts;
    const timer = context.clock.startTimer(bookmarkEveryMs, () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
      if (context.objects.isSettled) this.#sendBookmark(context.objects.revision, false);
      this.#scheduleBookmark();
    });
    this.#timers.push(timer);
  }

  #send(event: ChangeEvent): void {
    if (event.rv <= this.#sentRv || !event.stored.key.startsWith(this.#prefix)) return;
    this.#sentRv = event.rv;
    const type = this.#typeFor(event);
    if (type === undefined) return;
    const sent = this.#queue.push(this.#line(type, type === 'DELETED' ? lastState(event) : event.stored));
    if (!sent) this.#stop();
  }

  /** Selectors turn "no longer matches" into DELETED and "matches now" into ADDED. */
  #typeFor(event: ChangeEvent): ChangeType | undefined {
    if (this.#parts.selection.everything) return event.type;
    const now = event.type !== 'DELETED' && this.#selected(event.stored.object);
    const before = event.previous === undefined ? event.type !== 'ADDED' : this.#selected(event.previous.object);
    if (now) return before ? (event.previous === undefined ? event.type : 'MODIFIED') : 'ADDED';
    return before ? 'DELETED' : undefined;
  }

  #selected(object: AnyObject): boolean {
    const { context, target, selection } = this.#parts;
    return selects(selection, object, target.resource, context.strategyOf(target.resource));
  }

  #line(type: ChangeType, stored: StoredObject): string {
    const { target, options, context } = this.#parts;
    const make = (): string => {
      const text = renderObject(target.resource, stored, { ...options, nowMs: context.clock.nowMs() });
      return `{"type":"${type}","object":${text}}\n`;
    };
    return options.format.shape === 'object' ? lastLine.get({ type, stored, resource: target.resource }, make) : make();
  }

  #sendBookmark(revision: number, initialEventsEnd: boolean): void {
    const { target, options } = this.#parts;
    const metadata = {
      resourceVersion: String(revision),
      ...(initialEventsEnd ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {}),
    };
    const { kind, apiVersion } = target.resource;
    // A bookmark is the one object without a name.
    const bare = { kind, apiVersion, metadata } as unknown as AnyObject;
    const { shape, metaVersion } = options.format;
    const object =
      shape === 'partial' || shape === 'partialList'
        ? partial(bare, metaVersion)
        : shape === 'table'
          ? {
              kind: 'Table',
              apiVersion: metaVersion,
              metadata,
              columnDefinitions: null,
              rows: [{ cells: null, object: bare }],
            }
          : bare;
    this.#queue.push(`${JSON.stringify({ type: 'BOOKMARK', object })}\n`);
  }

  readonly #stop = (): void => {
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    for (const timer of this.#timers) timer.cancel();
    this.#timers = [];
    this.#parts.target.signal?.removeEventListener('abort', this.#stop);
    this.#queue.close();
  };
}

interface LineKey {
  readonly type: ChangeType;
  readonly stored: StoredObject;
  readonly resource: Resource;
}

/** A change goes to many watches one after another; most of them get the same text. */
class LastLine {
  #key: LineKey | undefined;
  #text = '';

  get(key: LineKey, make: () => string): string {
    const last = this.#key;
    if (last?.stored === key.stored && last.type === key.type && last.resource === key.resource) return this.#text;
    this.#key = key;
    this.#text = make();
    return this.#text;
  }
}

const lastLine = new LastLine();

/** The state to show for DELETED, at the resourceVersion of the change that made it so. */
function lastState(event: ChangeEvent): StoredObject {
  if (event.type === 'DELETED' || event.previous === undefined) return event.stored;
  const { previous, rv } = event;
  const object = { ...previous.object, metadata: { ...previous.object.metadata, resourceVersion: String(rv) } };
  return { key: previous.key, rv, object, json: JSON.stringify(object) };
}
