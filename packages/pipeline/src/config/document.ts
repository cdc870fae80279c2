/** Reads .gitlab-ci.yml as data, remembering the line of every key. */

import { isRecord } from '@towpath/kit';
import { isMap, isNode, isScalar, LineCounter, parseDocument, visit, YAMLMap, type Document, type Node } from 'yaml';
import { pipelineError } from '../errors.ts';

/** Stands where `!reference [a, b]` was written. */
export interface ReferenceValue {
  readonly [referenceKey]: readonly string[];
}

const referenceKey = '!reference';

export interface CiDocument {
  readonly file: string;
  readonly value: Record<string, unknown>;
  /** `FILE:LINE` of a key, or of the nearest key above it that is written in the file. */
  readonly where: (path: readonly (string | number)[]) => string;
}

/** Larger files, and more aliases, are refused: they are mistakes or attacks. */
const limits = { bytes: 1024 * 1024, aliases: 2000 } as const;

/**
 * An anchor may be defined again, as GitLab's parser allows; the last definition before an alias counts.
 * Throws `CI_INVALID` naming file, line and column.
 */
export function readCiDocument(text: string, file: string): CiDocument {
  if (text.length > limits.bytes) throw invalid(file, `it is larger than ${limits.bytes} bytes`);
  const lines = new LineCounter();
  const document = parseDocument(text, {
    version: '1.1',
    merge: true,
    uniqueKeys: false,
    lineCounter: lines,
    logLevel: 'silent',
  });
  const place = (node: Node | undefined | null): string => {
    const offset = node?.range?.[0];
    return offset === undefined ? file : `${file}:${lines.linePos(offset).line}`;
  };
  const problem = document.errors[0];
  if (problem !== undefined) {
    const at = problem.linePos?.[0];
    throw invalid(at === undefined ? file : `${file}:${at.line}`, problem.message.split('\n')[0] ?? 'it is no YAML');
  }
  replaceTags(document, place);
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: limits.aliases });
  } catch (cause) {
    throw invalid(file, cause instanceof Error ? cause.message : 'it cannot be read');
  }
  if (value === null || value === undefined) value = {};
  if (!isRecord(value)) throw invalid(file, 'it is not a map of jobs');
  return { file, value, where: (path) => whereIs(document, path, place) };
}

/** `!reference` becomes a marker; any other tag is refused. */
function replaceTags(document: Document, place: (node: Node) => string): void {
  visit(document, {
    Node(_, node) {
      // GitLab's parser (Psych) takes a lone y or n for text.
      if (isScalar(node) && typeof node.value === 'boolean' && /^[yn]$/i.test(node.source ?? ''))
        node.value = node.source;
      const { tag } = node as { tag?: string };
      if (tag === undefined || tag.startsWith('tag:yaml.org,2002:')) return undefined;
      if (tag !== referenceKey) throw invalid(place(node), `the tag ${tag} is not supported`);
      const marker = new YAMLMap();
      marker.range = node.range ?? null;
      const plain = document.createNode(node.toJS(document)) as Node;
      marker.set(referenceKey, plain);
      return marker;
    },
  });
}

/** Source: GitLab "!reference tags". */
export function isReference(value: unknown): value is ReferenceValue {
  return isRecord(value) && Array.isArray(value[referenceKey]);
}

/** The path a reference names. */
export function referencePath(value: ReferenceValue): readonly string[] {
  return value[referenceKey].map(String);
}

function whereIs(
  document: Document,
  path: readonly (string | number)[],
  place: (node: Node | undefined) => string,
): string {
  for (let length = path.length; length > 0; length--) {
    const parent = length === 1 ? document.contents : document.getIn(path.slice(0, length - 1), true);
    const key = path[length - 1];
    if (isMap(parent)) {
      const pair = parent.items.findLast(
        (item) => String(isScalar(item.key) ? item.key.value : item.key) === String(key),
      );
      if (pair !== undefined && isNode(pair.key)) return place(pair.key);
    }
    const node = document.getIn(path.slice(0, length), true);
    if (isNode(node)) return place(node);
  }
  return place(undefined);
}

function invalid(where: string, because: string): Error {
  return pipelineError('CI_INVALID', `${where}: ${because}`, { next: 'correct the file and push again' });
}
