/** Which fields of which kinds the transformers change. Source: the defaults kustomize publishes (builtinpluginconsts). */

import { isRecord, type UnknownRecord } from '@towpath/kit';
import table from './field-table.json' with { type: 'json' };

/** Empty group, version or kind match any. */
export interface KindSelector {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

export interface FieldSpec extends KindSelector {
  /** `/`-separated; lists on the way are entered, `[]` says that a list is expected there. */
  readonly path: string;
  readonly create: boolean;
}

export interface NameReference {
  readonly target: KindSelector;
  readonly referrers: readonly FieldSpec[];
}

export const imageFields = table.images.map(parseFieldSpec);
export const replicaFields = table.replicas.map(parseFieldSpec);
export const namespaceFields = table.namespace.map(parseFieldSpec);
export const templateLabelFields = table.templateLabels.map(parseFieldSpec);
export const commonLabelFields = [...table.selectorLabels, ...table.templateLabels].map(parseFieldSpec);
export const annotationFields = table.annotations.map(parseFieldSpec);
export const nameReferences: readonly NameReference[] = Object.entries(table.nameReferences).map(([kind, specs]) => ({
  target: parseKind(kind),
  referrers: specs.map(parseFieldSpec),
}));

const clusterScoped = new Set(table.clusterScoped);

/** True for the built-in kinds without a namespace; kinds nobody knows count as namespaced. */
export function isClusterScoped({ group, version, kind }: KindSelector): boolean {
  return clusterScoped.has(`${group === '' ? '' : `${group}/`}${version}/${kind}`);
}

/** True when every part the selector names is equal. */
export function isSelected(kind: KindSelector, selector: KindSelector): boolean {
  const { group, version, kind: name } = selector;
  return (
    (group === '' || group === kind.group) &&
    (version === '' || version === kind.version) &&
    (name === '' || name === kind.kind)
  );
}

/** `group/version/Kind`; the group itself may hold a slash. */
function parseKind(text: string): KindSelector {
  const parts = text.split('/');
  const kind = parts.pop() ?? '';
  const version = parts.pop() ?? '';
  return { group: parts.join('/'), version, kind };
}

/** `group/version/Kind path`, with ` +` where an absent field is created. */
function parseFieldSpec(text: string): FieldSpec {
  const [kind = '', path = '', create] = text.split(' ');
  return { ...parseKind(kind), path, create: create === '+' };
}

export type Setter = (value: unknown) => unknown;

/**
 * Replaces the values at a path of `root` by what `set` makes of them; lists on the way are entered. Absent fields are
 * created only where the spec says so and `createEmpty` gives the value to begin with.
 */
export function updateField(root: UnknownRecord, spec: FieldSpec, set: Setter, createEmpty?: () => unknown): void {
  enter(root, splitPath(spec.path), { set, create: spec.create ? createEmpty : undefined });
}

interface Update {
  readonly set: Setter;
  readonly create: (() => unknown) | undefined;
}

function enter(node: unknown, path: readonly string[], update: Update): void {
  if (Array.isArray(node)) {
    for (const item of node) enter(item, path, update);
    return;
  }
  if (!isRecord(node)) return;
  const [step = '', ...rest] = path;
  const isList = step.endsWith('[]');
  const name = isList ? step.slice(0, -2) : step;
  if (node[name] === undefined || node[name] === null) {
    if (update.create === undefined || isList) return;
    node[name] = rest.length === 0 ? update.create() : {};
  }
  if (rest.length > 0) enter(node[name], rest, update);
  else node[name] = update.set(node[name]);
}

/** Splits at `/`; `\/` is a slash in a name. */
export function splitPath(path: string): string[] {
  return path.split(/(?<!\\)\//).map((part) => part.replaceAll('\\/', '/'));
}
