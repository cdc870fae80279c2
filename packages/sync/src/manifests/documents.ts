/** YAML files as Kubernetes objects: split, parsed and placed, with every problem named by file and line. */

import type { AnyObject } from '@towpath/api';
import { isRecord, messageOf, parseYaml } from '@towpath/kit';

/** One object as a file declares it. */
export interface Manifest {
  readonly object: AnyObject;
  /** `path:line` of its document. */
  readonly source: string;
  /** The document's text. */
  readonly text: string;
}

export interface Problem {
  /** `path` or `path:line`. */
  readonly source: string;
  readonly message: string;
  readonly resource?: string;
}

export interface Documents {
  readonly manifests: readonly Manifest[];
  readonly problems: readonly Problem[];
}

/** Parses every file; one that cannot be read does not stop the others. */
export function parseManifests(files: ReadonlyMap<string, string>): Documents {
  const manifests: Manifest[] = [];
  const problems: Problem[] = [];
  for (const [path, text] of [...files].sort(([left], [right]) => (left < right ? -1 : 1))) {
    for (const chunk of splitDocuments(text)) {
      const source = `${path}:${chunk.line}`;
      try {
        // Lines before the document keep the positions in error messages those of the file.
        const value = parseYaml('\n'.repeat(chunk.line - 1) + chunk.text, { file: path });
        if (value === undefined || value === null) continue;
        const found = objectsOf(value);
        if (typeof found === 'string') problems.push({ source, message: found });
        else manifests.push(...found.map((object) => ({ object, source, text: chunk.text })));
      } catch (error) {
        problems.push(positioned(source, messageOf(error)));
      }
    }
  }
  return { manifests, problems };
}

/** The parser's message starts with a more exact place when it knows one. */
function positioned(source: string, message: string): Problem {
  const match = /^(\S+:\d+):\d+: ([\s\S]*)$/.exec(message);
  return match === null ? { source, message } : { source: match[1] ?? source, message: match[2] ?? message };
}

/** Splits at lines that start with `---`; `line` counts from 1. */
function splitDocuments(text: string): { text: string; line: number }[] {
  const chunks: { text: string; line: number }[] = [];
  const lines = text.split('\n');
  let start = 0;
  const flush = (end: number): void => {
    const chunk = lines.slice(start, end).join('\n');
    if (chunk.trim() !== '') chunks.push({ text: chunk, line: start + 1 });
  };
  lines.forEach((line, index) => {
    if (!/^---(\s|$)/.test(line)) return;
    flush(index);
    start = index + 1;
  });
  flush(lines.length);
  return chunks;
}

/** The objects of one document, a List opened; a text says why it is none. */
function objectsOf(value: unknown): AnyObject[] | string {
  if (!isRecord(value)) return 'is no Kubernetes object: it is not a mapping';
  const { apiVersion, kind, metadata, items } = value;
  if (typeof apiVersion !== 'string' || typeof kind !== 'string')
    return 'is no Kubernetes object: no apiVersion or kind';
  if (kind.endsWith('List') && Array.isArray(items)) {
    const found = items.map(objectsOf);
    const bad = found.find((each) => typeof each === 'string');
    return typeof bad === 'string' ? `an item ${bad}` : found.flatMap((each) => (typeof each === 'string' ? [] : each));
  }
  if (!isRecord(metadata)) return `${kind} has no metadata`;
  const { name, namespace } = metadata;
  if (typeof name !== 'string' || name === '') return `${kind} has no metadata.name`;
  if (namespace !== undefined && namespace !== null && typeof namespace !== 'string')
    return `${kind} ${name}: metadata.namespace is no text`;
  // Checked above: apiVersion, kind and metadata.name are texts.
  return [value as AnyObject];
}

/**
 * The YAML files of a tree, charts left out: a folder with Chart.yaml and values.yaml (or templates/) is a chart, and
 * everything below it belongs to it. The pipeline's own file is left out, too: without a path the whole repository is read.
 */
export function manifestPaths(paths: readonly string[]): string[] {
  const all = new Set(paths);
  const folders = paths
    .filter((path) => /(^|\/)Chart\.yaml$/.test(path))
    .map((path) => path.slice(0, -'Chart.yaml'.length));
  const charts = folders.filter((folder) => {
    return all.has(`${folder}values.yaml`) || paths.some((path) => path.startsWith(`${folder}templates/`));
  });
  const isYaml = (path: string): boolean => /\.ya?ml$/.test(path) && path !== '.gitlab-ci.yml';
  return paths.filter((path) => isYaml(path) && !charts.some((chart) => path.startsWith(chart)));
}
