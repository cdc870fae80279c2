/** Sets of field paths as a tree, in the notation of `fieldsV1`. Source: sigs.k8s.io/structured-merge-diff, fieldpath. */

import { isRecord, type UnknownRecord } from '@towpath/kit';

/** One place in an object: `f:name`, `k:{"key":"value"}` or `v:value`, and what is below it. */
export interface FieldNode {
  /** The path that ends here is in the set. */
  member: boolean;
  readonly children: Map<string, FieldNode>;
}

export function emptySet(): FieldNode {
  return { member: false, children: new Map() };
}

export function isEmptySet(set: FieldNode): boolean {
  return !set.member && [...set.children.values()].every(isEmptySet);
}

/** Adds the path to the set. */
export function insertPath(set: FieldNode, path: readonly string[]): void {
  let node = set;
  for (const element of path) node = childOf(node, element);
  node.member = true;
}

/** The node below, made when it is absent. */
export function childOf(node: FieldNode, element: string): FieldNode {
  let child = node.children.get(element);
  if (child === undefined) {
    child = emptySet();
    node.children.set(element, child);
  }
  return child;
}

/** True when nothing was ever put into the set: the common case, seen at once. */
function isBare(set: FieldNode): boolean {
  return !set.member && set.children.size === 0;
}

/** Every path of either set. */
export function unionOf(left: FieldNode, right: FieldNode): FieldNode {
  if (isBare(right)) return left;
  if (isBare(left)) return right;
  const result: FieldNode = { member: left.member || right.member, children: new Map(left.children) };
  for (const [element, child] of right.children) {
    const other = left.children.get(element);
    result.children.set(element, other === undefined ? child : unionOf(other, child));
  }
  return result;
}

/** The paths of `left` that are not in `right`. */
export function differenceOf(left: FieldNode, right: FieldNode): FieldNode {
  if (isBare(left) || isBare(right)) return left;
  const result: FieldNode = { member: left.member && !right.member, children: new Map() };
  for (const [element, child] of left.children) {
    const other = right.children.get(element);
    const rest = other === undefined ? child : differenceOf(child, other);
    if (!isEmptySet(rest)) result.children.set(element, rest);
  }
  return result;
}

/** The paths of both sets. */
export function intersectionOf(left: FieldNode, right: FieldNode): FieldNode {
  const result: FieldNode = { member: left.member && right.member, children: new Map() };
  for (const [element, child] of left.children) {
    const other = right.children.get(element);
    if (other === undefined) continue;
    const both = intersectionOf(child, other);
    if (!isEmptySet(both)) result.children.set(element, both);
  }
  return result;
}

/** True when both hold the same paths. */
export function sameSet(left: FieldNode, right: FieldNode): boolean {
  return isEmptySet(differenceOf(left, right)) && isEmptySet(differenceOf(right, left));
}

/** The paths of the set, as lists of elements. */
export function pathsOf(set: FieldNode, prefix: readonly string[] = []): string[][] {
  const own = set.member ? [[...prefix]] : [];
  return [...own, ...[...set.children].flatMap(([element, child]) => pathsOf(child, [...prefix, element]))];
}

/** The `fieldsV1` form, keys in order. */
export function toFieldsV1(set: FieldNode): UnknownRecord {
  const result: UnknownRecord = {};
  for (const element of [...set.children.keys()].sort()) {
    const child = set.children.get(element);
    if (child === undefined || isEmptySet(child)) continue;
    const inner = toFieldsV1(child);
    result[element] = child.member && Object.keys(inner).length > 0 ? { '.': {}, ...inner } : inner;
  }
  return result;
}

/** Reads the `fieldsV1` form; anything else reads as the empty set. */
export function fromFieldsV1(value: unknown): FieldNode {
  const root = emptySet();
  if (isRecord(value)) fill(root, value);
  return root;
}

function fill(node: FieldNode, value: UnknownRecord): void {
  for (const [element, inner] of Object.entries(value)) {
    if (element === '.') {
      node.member = true;
      continue;
    }
    const child = emptySet();
    node.children.set(element, child);
    if (!isRecord(inner) || Object.keys(inner).length === 0) child.member = true;
    else fill(child, inner);
  }
}

/** A path as messages show it: `.spec.containers[name="c"].image`. */
export function pathText(path: readonly string[]): string {
  return path
    .map((element) => {
      const rest = element.slice(2);
      if (element.startsWith('f:')) return `.${rest}`;
      if (element.startsWith('v:')) return `[=${rest}]`;
      if (element.startsWith('i:')) return `[${rest}]`;
      const keys = JSON.parse(rest) as UnknownRecord;
      const pairs = Object.entries(keys).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
      return `[${pairs.join(',')}]`;
    })
    .join('');
}
