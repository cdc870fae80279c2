/** Rendered text to objects: documents, hooks apart, Helm's install order. Source: helm pkg/releaseutil. */

import { chartError } from '../errors.ts';
import { compareStrings } from '../go/utf8.ts';
import { isSpace } from '../go/unicode.ts';
import type { RenderedExcerpt } from '../trace/types.ts';
import { yamlErrorLine } from '../yaml/error-line.ts';
import { readHead, type ManifestHead } from './manifest-head.ts';
import type { HookEvent, HookPolicy, RenderedHook, RenderedManifest } from './types.ts';

/** The order in which kinds are installed; others come after, by name. Source: helm pkg/releaseutil/kind_sorter.go. */
const installOrder: ReadonlyMap<string, number> = new Map(
  [
    'PriorityClass',
    'Namespace',
    'NetworkPolicy',
    'ResourceQuota',
    'LimitRange',
    'PodSecurityPolicy',
    'PodDisruptionBudget',
    'ServiceAccount',
    'Secret',
    'SecretList',
    'ConfigMap',
    'StorageClass',
    'PersistentVolume',
    'PersistentVolumeClaim',
    'CustomResourceDefinition',
    'ClusterRole',
    'ClusterRoleList',
    'ClusterRoleBinding',
    'ClusterRoleBindingList',
    'Role',
    'RoleList',
    'RoleBinding',
    'RoleBindingList',
    'Service',
    'DaemonSet',
    'Pod',
    'ReplicationController',
    'ReplicaSet',
    'Deployment',
    'HorizontalPodAutoscaler',
    'StatefulSet',
    'Job',
    'CronJob',
    'IngressClass',
    'Ingress',
    'APIService',
  ].map((kind, index) => [kind, index]),
);

const hookEvents: ReadonlyMap<string, HookEvent> = new Map<string, HookEvent>([
  ['pre-install', 'pre-install'],
  ['post-install', 'post-install'],
  ['pre-delete', 'pre-delete'],
  ['post-delete', 'post-delete'],
  ['pre-upgrade', 'pre-upgrade'],
  ['post-upgrade', 'post-upgrade'],
  ['pre-rollback', 'pre-rollback'],
  ['post-rollback', 'post-rollback'],
  ['test', 'test'],
  ['test-success', 'test'],
]);

export interface SortedManifests {
  readonly manifests: RenderedManifest[];
  readonly hooks: RenderedHook[];
}

export interface SortOptions {
  readonly warn: (message: string) => void;
  /** Called before every document is read; may throw. */
  readonly step: () => void;
}

/** Splits the rendered files into objects and hooks, sorted. Throws `MANIFEST_INVALID` naming the file. */
export function sortManifests(files: ReadonlyMap<string, string>, { warn, step }: SortOptions): SortedManifests {
  const manifests: RenderedManifest[] = [];
  const hooks: RenderedHook[] = [];
  for (const path of [...files.keys()].toSorted(compareStrings)) {
    const whole = files.get(path) ?? '';
    const lines = new LineCounter(whole);
    for (const { text, start } of splitDocuments(whole)) {
      step();
      const line = lines.at(start);
      const head = readHeadOf({ path, text, line, whole });
      const events = head.annotations['helm.sh/hook'];
      if (events === undefined) {
        manifests.push({ path, line, text, kind: head.kind, apiVersion: head.apiVersion, name: head.name });
        continue;
      }
      const hook = toHook({ path, line, text, head, events });
      if (hook === undefined) warn(`info: skipping unknown hook: ${JSON.stringify(events)}`);
      else hooks.push(hook);
    }
  }
  return { manifests: manifests.toSorted(compareKinds), hooks: hooks.toSorted(compareKinds) };
}

interface UnreadManifest {
  readonly path: string;
  readonly text: string;
  readonly line: number;
  /** All that the template wrote. */
  readonly whole: string;
}

function readHeadOf({ path, text, line, whole }: UnreadManifest): ManifestHead {
  try {
    return readHead(text);
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    throw chartError('MANIFEST_INVALID', `YAML parse error on ${path}: ${problem}`, {
      next: `correct what ${path} writes`,
      details: { problem, rendered: excerpt(path, whole, line - 1 + yamlErrorLine(error, text)) },
      cause: error,
    });
  }
}

/** Lines shown before and after the one that is wrong. */
const excerptLines = 3;

function excerpt(file: string, text: string, line: number): RenderedExcerpt {
  const first = Math.max(1, line - excerptLines);
  const lines = text.split('\n').slice(first - 1, line + excerptLines);
  return { file, line, lines: lines.map((content, index) => ({ line: first + index, text: content })) };
}

interface HookParts {
  readonly path: string;
  readonly line: number;
  readonly text: string;
  readonly head: ManifestHead;
  readonly events: string;
}

function toHook(hook: HookParts): RenderedHook | undefined {
  const { head, path, line, text } = hook;
  const events = words(hook.events).map((word) => hookEvents.get(word));
  if (events.includes(undefined)) return undefined;
  const weight = head.annotations['helm.sh/hook-weight'] ?? '';
  return {
    name: head.name,
    kind: head.kind,
    path,
    line,
    manifest: text,
    events: events.filter((event) => event !== undefined),
    weight: /^[+-]?[0-9]+$/.test(weight) ? Number(weight) : 0,
    deletePolicies: policies(head.annotations['helm.sh/hook-delete-policy']),
    outputLogPolicies: policies(head.annotations['helm.sh/hook-output-log-policy']),
  };
}

function words(text: string): string[] {
  return text.split(',').map((word) => word.trim().toLowerCase());
}

function policies(text: string | undefined): HookPolicy[] {
  return text === undefined ? [] : (words(text) as HookPolicy[]);
}

function compareKinds(left: { kind: string }, right: { kind: string }): number {
  const a = installOrder.get(left.kind);
  const b = installOrder.get(right.kind);
  if (a !== undefined && b !== undefined) return a - b;
  if (a === undefined && b === undefined) return compareStrings(left.kind, right.kind);
  return a === undefined ? 1 : -1;
}

/** A part of a text without the white space around it. */
export interface ManifestDocument {
  readonly text: string;
  /** Where it begins in the whole. */
  readonly start: number;
}

function trimmed(text: string, from: number, to: number): ManifestDocument {
  let start = from;
  let end = to;
  while (start < end && isSpace(text.charCodeAt(start))) start += 1;
  while (end > start && isSpace(text.charCodeAt(end - 1))) end -= 1;
  return { text: text.slice(start, end), start };
}

/** Counts lines on the way through a text. */
class LineCounter {
  private readonly text: string;
  private counted = 0;
  private line = 1;

  constructor(text: string) {
    this.text = text;
  }

  /** The line (from 1) of an offset that is not before the last one asked for. */
  at(offset: number): number {
    for (let at = this.text.indexOf('\n', this.counted); at >= 0 && at < offset; at = this.text.indexOf('\n', at + 1)) {
      this.line += 1;
      this.counted = at + 1;
    }
    return this.line;
  }
}

/** The documents of a text, trimmed, empty ones left out: split at `---` wherever a line begins with it. */
export function splitDocuments(text: string): ManifestDocument[] {
  const { text: all, start: offset } = trimmed(text, 0, text.length);
  const documents: ManifestDocument[] = [];
  const add = (from: number, to: number): void => {
    const { text: document, start: at } = trimmed(all, from, to);
    if (document !== '') documents.push({ text: document, start: offset + at });
  };
  let start = all.startsWith('---') ? skipSpace(all, 3) : 0;
  // A separator takes the line break that would begin another one right after it: that one stays in the text.
  for (let at = all.indexOf('\n---', start); at >= 0; at = all.indexOf('\n---', start)) {
    add(start, at);
    start = skipSpace(all, at + 4);
  }
  add(start, all.length);
  return documents;
}

/** The separator takes the white space after it. */
function skipSpace(text: string, from: number): number {
  let at = from;
  while (' \t\n\f\r'.includes(text[at] ?? 'x')) at += 1;
  return at;
}
