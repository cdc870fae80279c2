/** YAML as Kubernetes reads it (YAML 1.1 scalars), with errors that name file, line and column. */

import { parseAllDocuments, stringify, type Document, type ScalarTag, type Tags } from 'yaml';
import { TowpathError } from './errors.ts';

export interface ParseYamlOptions {
  /** Named in errors. */
  readonly file: string;
  /** `yes`, `on` and `y` are texts: how go-yaml v3, and with it kustomize, reads what has no type. */
  readonly onlyTrueAndFalse?: boolean;
}

/** Every non-empty document of a YAML stream. Throws `YAML_INVALID`. */
export function parseAllYaml(text: string, options: ParseYamlOptions): unknown[] {
  const tags = options.onlyTrueAndFalse === true ? likeGo3 : likeGo;
  let list = documentsOf(text, tags);
  if (list.some(({ errors }) => errors[0]?.code === 'MISSING_CHAR')) {
    const repaired = documentsOf(indentQuoted(text), tags);
    if (repaired.every(({ errors }) => errors.length === 0)) list = repaired;
  }
  return list.flatMap((document) => {
    const problem = document.errors[0];
    if (problem !== undefined) {
      const place = problem.linePos?.[0];
      const where = place === undefined ? options.file : `${options.file}:${place.line}:${place.col}`;
      throw new TowpathError('YAML_INVALID', `${where}: ${problem.message.split('\n')[0]}`, {
        next: 'correct the file at that line',
        cause: problem,
      });
    }
    const value: unknown = document.toJS({ maxAliasCount: 1000 });
    return value === null || value === undefined ? [] : [value];
  });
}

function documentsOf(text: string, customTags: (tags: Tags) => Tags): readonly Document[] {
  const documents = parseAllDocuments(text, {
    version: '1.1',
    merge: true,
    uniqueKeys: false,
    logLevel: 'silent',
    customTags,
  });
  return Array.isArray(documents) ? (documents as Document[]) : [];
}

const exponent = /^[-+]?(?:\.[0-9][0-9_]*|[0-9][0-9_]*(?:\.[0-9_]*)?)[eE][-+]?[0-9]+$/;

const fraction = /^[-+]?(?:[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)$/;

/** A number has a digit: `e2` and `.` are names. Source: go-yaml resolve.go, yamlStyleFloat. */
function likeGo(tags: Tags): Tags {
  return tags.map((tag) => {
    if (typeof tag !== 'object') return tag;
    const { format, test } = tag as ScalarTag;
    if (format === 'EXP') return { ...(tag as ScalarTag), test: exponent };
    return test?.test('.') === true ? { ...(tag as ScalarTag), test: fraction } : tag;
  });
}

/** As {@link likeGo}, with `true` and `false` alone for booleans. */
function likeGo3(tags: Tags): Tags {
  return likeGo(tags).map((tag) => {
    if (typeof tag !== 'object' || tag.tag !== 'tag:yaml.org,2002:bool') return tag;
    const isTrue = (tag as ScalarTag).test?.test('true') === true;
    return { ...(tag as ScalarTag), test: isTrue ? /^(?:[Tt]rue|TRUE)$/ : /^(?:[Ff]alse|FALSE)$/ };
  });
}

/** A key, or a list's dash, followed by a quoted text that goes on in the next line. */
const openQuote = /^(\s*)(?:- +)*(?:[^\s'"#][^'"#]*:\s+)?(?:'((?:[^']|'')*)|"((?:[^"\\]|\\.)*))$/;

/**
 * Indents the further lines of quoted texts, which changes nothing in them: published manifests have them at the
 * indentation of their key, which the specification forbids and the readers of Kubernetes take.
 */
function indentQuoted(text: string): string {
  let quote = '';
  let padding = '';
  return text
    .split('\n')
    .map((line) => {
      if (quote !== '') {
        const isEnd = quote === "'" ? /^(?:[^']|'')*'(?!')/.test(line) : /^(?:[^"\\]|\\.)*"/.test(line);
        if (isEnd) quote = '';
        return `${padding}${line}`;
      }
      const open = openQuote.exec(line);
      if (open !== null) {
        quote = open[2] === undefined ? '"' : "'";
        padding = `${open[1] ?? ''}    `;
      }
      return line;
    })
    .join('\n');
}

/** The first document, or undefined for an empty text. Throws `YAML_INVALID`. */
export function parseYaml(text: string, options: ParseYamlOptions): unknown {
  return parseAllYaml(text, options)[0];
}

/** A key that a map of the text has already, and its line from 1. */
export interface DuplicateKey {
  readonly key: string;
  readonly line: number;
}

/** The keys that `parseYaml` lets the last of win. */
export function duplicateYamlKeys(text: string): readonly DuplicateKey[] {
  const documents = parseAllDocuments(text, { version: '1.1', merge: true, uniqueKeys: true, logLevel: 'silent' });
  const list: Document[] = Array.isArray(documents) ? (documents as Document[]) : [];
  return list.flatMap((document) =>
    document.errors
      .filter(({ code }) => code === 'DUPLICATE_KEY')
      .map(({ pos, linePos }) => ({ key: keyAt(text, pos[0]), line: linePos?.[0].line ?? 1 })),
  );
}

function keyAt(text: string, offset: number): string {
  const match = /^(?:"([^"]*)"|'([^']*)'|([^\s:]+))/.exec(text.slice(offset, offset + 300));
  return match?.[1] ?? match?.[2] ?? match?.[3] ?? '';
}

/** Writes one document; strings that a YAML 1.1 reader would take for something else are quoted. */
export function stringifyYaml(value: unknown): string {
  return stringify(value, { version: '1.1', lineWidth: 0, aliasDuplicateObjects: false });
}
