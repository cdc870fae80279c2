/** Paths into the root chart's values: one object for each path, so that they compare by identity. */

/** A key of a table, or a place in a list from 0. */
export type PathKey = string | number;

/** Below this, paths are not told apart: nobody reads such a path, and a list of them grows with its square. */
const depthMax = 200;

/** One path; made by its parent's `child`. */
export class ValuePath {
  readonly parent: ValuePath | undefined;
  readonly key: PathKey;
  readonly depth: number;
  /** There was a value, and nothing below it, when the render began. */
  isSet = false;
  /** Somebody looked at the value. */
  isRead = false;
  /** Somebody used all that is below. */
  isReadWhole = false;
  private readonly children = new Map<PathKey, ValuePath>();

  private constructor(parent: ValuePath | undefined, key: PathKey) {
    this.parent = parent;
    this.key = key;
    this.depth = parent === undefined ? 0 : parent.depth + 1;
  }

  /** The values themselves: the empty path. */
  static root(): ValuePath {
    return new ValuePath(undefined, '');
  }

  child(key: PathKey): ValuePath {
    if (this.depth >= depthMax) return this;
    let child = this.children.get(key);
    if (child === undefined) {
      child = new ValuePath(this, key);
      this.children.set(key, child);
    }
    return child;
  }

  /** The paths below that were met, in that order. */
  below(): Iterable<ValuePath> {
    return this.children.values();
  }

  /** From the root down. */
  keys(): PathKey[] {
    // Never deeper than `depthMax`.
    return this.parent === undefined ? [] : [...this.parent.keys(), this.key];
  }

  text(): string {
    return pathText(this.keys());
  }

  isAbove(other: ValuePath): boolean {
    if (other.depth <= this.depth) return false;
    for (let at = other.parent; at !== undefined; at = at.parent) if (at === this) return true;
    return false;
  }
}

const plainWord = /^[\p{L}_][\p{L}\p{N}_-]*$/u;

/** `list[0].name`, `annotations."a.b/c"`. */
export function pathText(keys: readonly PathKey[]): string {
  let text = '';
  for (const key of keys) {
    if (typeof key === 'number') text += `[${key}]`;
    else text += (text === '' ? '' : '.') + (plainWord.test(key) ? key : JSON.stringify(key));
  }
  return text;
}

const pathPart = /\.?(?:\[(\d+)\]|("(?:[^"\\]|\\.)*")|([^.[\]"]+))/y;

/** Reads what `pathText` writes, and plain dotted paths; undefined for a text that is none. */
export function parsePath(text: string): PathKey[] | undefined {
  const keys: PathKey[] = [];
  pathPart.lastIndex = 0;
  while (pathPart.lastIndex < text.length) {
    const match = pathPart.exec(text);
    if (match === null) return undefined;
    const [, index, quoted, word] = match;
    if (index !== undefined) keys.push(Number(index));
    else if (word !== undefined) keys.push(word);
    else {
      const key = unquoted(quoted ?? '');
      if (key === undefined) return undefined;
      keys.push(key);
    }
  }
  return keys;
}

function unquoted(text: string): string | undefined {
  try {
    return String(JSON.parse(text));
  } catch {
    return undefined;
  }
}
