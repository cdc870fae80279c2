/**
 * Sets the values behind markers (`# {"$imagepolicy": "ns:name:tag"}`) and leaves every other byte as it is: pure.
 * Which comments count, and how values are quoted, is kyaml's. Source: sigs.k8s.io/kustomize/kyaml, fieldmeta and yaml.
 */

import { isRecord, messageOf, parseYaml } from '@towpath/kit';
import {
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  parseAllDocuments,
  type Document,
  type Node,
  type Scalar,
} from 'yaml';
import { imageRefText, type ImageRef } from './kinds.ts';

/** A policy that has chosen. */
export interface ChosenImage {
  readonly namespace: string;
  readonly name: string;
  readonly ref: ImageRef;
}

/** The object a change was made in; members may be empty. */
export interface ObjectId {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace: string;
}

export interface Change {
  readonly file: string;
  readonly object: ObjectId;
  readonly oldValue: string;
  readonly newValue: string;
  /** The marker's value: `ns:name:tag`. */
  readonly setter: string;
}

export interface SetResult {
  /** Only files that changed: path → text. */
  readonly files: ReadonlyMap<string, string>;
  /** In the order of the files' names, then of the lines. */
  readonly changes: readonly Change[];
  /** Files with markers that cannot be read or edited; they stay as they are. */
  readonly problems: readonly { readonly file: string; readonly because: string }[];
}

const token = '"$imagepolicy"';

/** Whether a file is looked at: YAML, by its name. */
export function isYamlFile(path: string): boolean {
  return /\.ya?ml$/.test(path) || /(?:^|\/)Kustomization$/.test(path);
}

/** The value for each marker. */
export function settersOf(images: readonly ChosenImage[]): ReadonlyMap<string, string> {
  return new Map(
    images.flatMap(({ namespace, name, ref }): [string, string][] => {
      const setter = `${namespace}:${name}`;
      return [
        [setter, imageRefText(ref)],
        [`${setter}:tag`, ref.tag],
        [`${setter}:name`, ref.name],
        [`${setter}:digest`, ref.digest ?? ''],
      ];
    }),
  );
}

export function setImages(files: ReadonlyMap<string, Uint8Array>, images: readonly ChosenImage[]): SetResult {
  const setters = settersOf(images);
  const changed = new Map<string, string>();
  const changes: Change[] = [];
  const problems: { file: string; because: string }[] = [];
  for (const file of [...files.keys()].toSorted()) {
    const bytes = files.get(file);
    const text = Buffer.from(bytes ?? []).toString('utf8');
    if (!isYamlFile(file) || !text.includes(token)) continue;
    try {
      const made = setInText(file, text, setters);
      if (made.changes.length > 0) changed.set(file, made.text);
      changes.push(...made.changes);
    } catch (error) {
      problems.push({ file, because: messageOf(error) });
    }
  }
  return { files: changed, changes, problems };
}

interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

function setInText(
  file: string,
  text: string,
  setters: ReadonlyMap<string, string>,
): { text: string; changes: readonly Change[] } {
  const changes: Change[] = [];
  const edits: Edit[] = [];
  for (const document of readDocuments(text)) {
    for (const root of objectsOf(document)) {
      const object = idOf(root, document);
      for (const { scalar, marker } of markedScalars(root, text)) {
        const newValue = setters.get(marker);
        const oldValue = sourceValue(scalar);
        if (newValue === undefined || newValue === oldValue) continue;
        edits.push(editOf(scalar, newValue, text));
        changes.push({ file, object, oldValue, newValue, setter: marker });
      }
    }
  }
  let edited = text;
  for (const { start, end, text: value } of edits.toSorted((left, right) => right.start - left.start)) {
    edited = edited.slice(0, start) + value + edited.slice(end);
  }
  if (edits.length > 0) readDocuments(edited);
  return { text: edited, changes };
}

/** Throws with the first problem's sentence. */
function readDocuments(text: string): readonly Document[] {
  const parsed = parseAllDocuments(text, { version: '1.1', merge: true, uniqueKeys: false, logLevel: 'silent' });
  const documents = Array.isArray(parsed) ? (parsed as Document[]) : [];
  const problem = documents.flatMap(({ errors }) => errors)[0];
  if (problem !== undefined) throw new Error(problem.message.split('\n')[0] ?? 'it is no YAML');
  return documents;
}

/** The items of a List are objects of their own. */
function objectsOf({ contents }: Document): readonly Node[] {
  // What holds no object is not looked at.
  if (!isMap(contents)) return [];
  const kind = contents.get('kind');
  const items = contents.get('items', true);
  const isList = (kind === 'List' || kind === 'ResourceList') && isSeq(items);
  return isList ? items.items.filter(isMap) : [contents];
}

function idOf(root: Node, document: Document): ObjectId {
  const value: unknown = root.toJS(document);
  const object = isRecord(value) ? value : {};
  const metadata = isRecord(object['metadata']) ? object['metadata'] : {};
  const text = (member: unknown): string => (typeof member === 'string' ? member : '');
  return {
    apiVersion: text(object['apiVersion']),
    kind: text(object['kind']),
    name: text(metadata['name']),
    namespace: text(metadata['namespace']),
  };
}

interface Marked {
  readonly scalar: Scalar;
  readonly marker: string;
}

/** Every scalar value with a marker behind it, or, of a list's item, in the line above it. */
function* markedScalars(node: unknown, text: string, above = ''): Generator<Marked> {
  if (!isNode(node) || isAlias(node)) return;
  if (isMap(node)) {
    for (const { value } of node.items) yield* markedScalars(value, text);
  } else if (isSeq(node)) {
    for (const [index, item] of node.items.entries()) {
      const comment = isNode(item) ? item.commentBefore : undefined;
      yield* markedScalars(item, text, comment ?? (index === 0 ? (node.commentBefore ?? '') : ''));
    }
  } else if (isScalar(node)) {
    const marker = markerIn(lineComment(node, text)) ?? markerIn(above);
    if (marker !== undefined) yield { scalar: node, marker };
  }
}

/** The comment in the line where a value ends; of a block, behind its head. */
function lineComment({ range, type, comment }: Scalar, text: string): string {
  if (type === 'BLOCK_LITERAL' || type === 'BLOCK_FOLDED') return comment ?? '';
  if (range === undefined || range === null || range[0] === range[1]) return '';
  const rest = /^[ \t]+#(.*)/.exec(text.slice(range[1]).split('\n', 1)[0] ?? '');
  return rest?.[1] ?? '';
}

/** The marker of a comment without its `#`: a JSON object whose members are texts. */
function markerIn(comment: string): string | undefined {
  if (!comment.includes(token)) return undefined;
  try {
    const parsed: unknown = JSON.parse(comment.replace(/^#+/, ''));
    if (!isRecord(parsed) || Object.values(parsed).some((value) => typeof value !== 'string')) return undefined;
    const marker = parsed['$imagepolicy'];
    return typeof marker === 'string' && marker !== '' ? marker : undefined;
  } catch {
    return undefined;
  }
}

/** As it is written, without quotes: `1.10` stays that. */
function sourceValue({ source, value }: Scalar): string {
  return source ?? (typeof value === 'string' ? value : '');
}

function editOf({ range, type }: Scalar, value: string, text: string): Edit {
  if (range === undefined || range === null) throw new Error('there is no plain value');
  const [start, end] = range;
  if (type === 'BLOCK_LITERAL' || type === 'BLOCK_FOLDED') {
    const line = text.slice(0, start).split('\n').length;
    throw new Error(`line ${line}: the marker is at a block of text; write the value in one line`);
  }
  if (type === 'QUOTE_SINGLE') return { start, end, text: `'${value.replaceAll("'", "''")}'` };
  if (type === 'QUOTE_DOUBLE' || !readsAsText(value)) return { start, end, text: JSON.stringify(value) };
  return { start, end, text: value };
}

/** `1.10` or `yes` would become a number or a truth value without quotes. */
function readsAsText(value: string): boolean {
  if (value === '' || /^\s|\s$/.test(value)) return false;
  try {
    return parseYaml(`${value}\n`, { file: 'a value' }) === value;
  } catch {
    return false;
  }
}
