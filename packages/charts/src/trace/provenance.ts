/** Which values maps and lists came from: found by their identity, kept through copies. */

import { MapView } from '../go/values.ts';
import type { TracedText } from './pieces.ts';
import { ValuePath, type PathKey } from './value-path.ts';

/** What a value was made of: values, and texts that templates wrote. */
export type Taint = readonly (ValuePath | TracedText)[];

/** What is known of one map or list. */
export interface Origin {
  /** It is the value at this path, or a copy of it. */
  readonly path: ValuePath | undefined;
  /** Items with an origin of their own: they came from elsewhere. */
  readonly keys: Map<PathKey, Taint>;
  /** For all other items where there is no path. */
  readonly rest: Taint;
}

/** A tree of values is nested less deep than this, or holds itself. */
const depthMax = 200;

/** The origins of one render. */
export class Provenance {
  readonly root = ValuePath.root();
  private readonly origins = new WeakMap<object, Origin>();

  /** Gives a tree of values its paths; what is known already stays. */
  addTree(container: unknown, path: ValuePath, depth = 0): void {
    if (!isContainer(container)) {
      path.isSet = true;
      return;
    }
    if (depth > depthMax || this.of(container) !== undefined) return;
    this.set(container, { path, keys: new Map(), rest: [] });
    const entries = [...entriesOf(container)];
    path.isSet = entries.length === 0;
    for (const [key, item] of entries) this.addTree(item, path.child(key), depth + 1);
  }

  of(container: unknown): Origin | undefined {
    return isContainer(container) ? this.origins.get(original(container)) : undefined;
  }

  set(container: unknown, origin: Origin): void {
    if (isContainer(container)) this.origins.set(original(container), origin);
  }

  /** The origin of a container, made when there is none. */
  ensure(container: unknown): Origin {
    const known = this.of(container);
    if (known !== undefined) return known;
    const origin: Origin = { path: undefined, keys: new Map(), rest: [] };
    this.set(container, origin);
    return origin;
  }

  /** A copy has its original's origin; what is set in one later is not set in the other. */
  copy(from: unknown, to: unknown): void {
    const origin = this.of(from);
    if (origin !== undefined && from !== to) this.set(to, { ...origin, keys: new Map(origin.keys) });
  }

  /** What the item of a container was made of. A container that is met for the first time is remembered. */
  child(container: unknown, key: PathKey, item: unknown): Taint {
    const taint = this.taintOf(this.of(container), key);
    if (!isContainer(item)) return taint;
    const known = this.of(item);
    if (known !== undefined) return known.path === undefined ? taint : [known.path];
    const [only] = taint;
    const path = taint.length === 1 && only instanceof ValuePath ? only : undefined;
    this.set(item, { path, keys: new Map(), rest: path === undefined ? taint : [] });
    return taint;
  }

  private taintOf(origin: Origin | undefined, key: PathKey): Taint {
    if (origin === undefined) return [];
    const own = origin.keys.get(key);
    if (own !== undefined) return own;
    return origin.path === undefined ? origin.rest : [origin.path.child(key)];
  }

  /** All that a container was made of. */
  all(container: unknown, depth = 0): Taint {
    const origin = this.of(container);
    if (origin === undefined || !isContainer(container) || depth > depthMax) return [];
    if (origin.path !== undefined) {
      return origin.keys.size === 0 ? [origin.path] : [origin.path, ...[...origin.keys.values()].flat()];
    }
    const taint = new Set(origin.rest);
    for (const [key, item] of entriesOf(container)) {
      for (const part of this.child(container, key, item)) taint.add(part);
      if (isContainer(item)) for (const part of this.all(item, depth + 1)) taint.add(part);
    }
    return [...taint];
  }
}

/** What a view shows: both have one origin. */
function original(container: Container): Container {
  return container instanceof MapView ? container.target : container;
}

/** What has items. */
export type Container = Map<string, unknown> | unknown[];

/** True for maps and lists of any type. */
export function isContainer(value: unknown): value is Container {
  return value instanceof Map || Array.isArray(value);
}

/** The items with their keys, lists counted from 0. */
export function entriesOf(container: Container): Iterable<readonly [PathKey, unknown]> {
  if (!Array.isArray(container)) return container;
  return container.map((item, index): [PathKey, unknown] => [index, item]);
}

/** True for `.Values`, which has methods that shadow keys. */
export function isView(value: unknown): value is MapView {
  return value instanceof MapView;
}
