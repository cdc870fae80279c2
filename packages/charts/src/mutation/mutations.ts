/** Ways to spoil a chart's files: what a fuzzing campaign tries. Each is a pure function of the files and the random source. */

import type { Random } from '@towpath/kit';
import { deepText, endlessTemplates, greedyExpressions, hugeNumbers, knottedYaml } from './poison.ts';

/** A chart's files as text, one character a byte, so that any byte can be put anywhere. */
export type Draft = Map<string, string>;

/** One way to spoil; gives undefined where the files give no opportunity. */
type Mutation = (draft: Draft, random: Random) => Draft | undefined;

export function pick<T>(items: readonly T[], random: Random): T | undefined {
  return items[random.integer(items.length)];
}

const isTemplate = (name: string): boolean => name.includes('templates/');
const isYaml = (name: string): boolean => /(?:Chart|values|requirements)\.ya?ml$/.test(name) || name.includes('crds/');

function somewhere(text: string, random: Random): number {
  return random.integer(text.length + 1);
}

/** Puts one file's changed text into a copy. */
function change(
  draft: Draft,
  random: Random,
  which: (name: string) => boolean,
  edit: (text: string) => string | undefined,
): Draft | undefined {
  const name = pick(
    [...draft.keys()].filter((candidate) => which(candidate)),
    random,
  );
  const edited = name === undefined ? undefined : edit(draft.get(name) ?? '');
  return name === undefined || edited === undefined ? undefined : new Map(draft).set(name, edited);
}

const anywhere = (): boolean => true;

function insert(text: string, at: number, addition: string): string {
  return `${text.slice(0, at)}${addition}${text.slice(at)}`;
}

/** At the start of a line, so that YAML and templates stay what they were around it. */
function insertLine(text: string, random: Random, line: string): string {
  const lines = text.split('\n');
  const at = random.integer(lines.length + 1);
  return [...lines.slice(0, at), line, ...lines.slice(at)].join('\n');
}

/** Replaces one match of a pattern. */
function replaceOne(text: string, pattern: RegExp, random: Random, replacement: string): string | undefined {
  const match = pick([...text.matchAll(pattern)], random);
  if (match === undefined) return undefined;
  return `${text.slice(0, match.index)}${replacement}${text.slice(match.index + match[0].length)}`;
}

const badBytes = [
  '\x80',
  '\xff\xfe',
  '\xc3',
  '\xed\xa0\x80',
  '\xf4\x90\x80\x80',
  '\x00',
  '\x1b',
  '\xef\xbb\xbf',
  '\xe2\x80\xa8',
];
const scalars = [
  'null',
  '[]',
  '{}',
  '""',
  'true',
  '-1',
  '1.5',
  '"{{ .Values }}"',
  '[1, {a: b}]',
  '|\n  two\n  lines\n',
  '!!binary aGk=',
  '0o17',
  '1_000',
  'y',
];
const words = [
  'nil',
  '.',
  '$',
  '"x"',
  '1',
  '1.5',
  'true',
  '.Values',
  '.Chart',
  '.Files',
  '.Release.Name',
  '(list 1 "a")',
  '(dict "a" 1)',
  '.Values.x.y.z',
  'now',
  '-1',
];
const metadata = [
  'dependencies: [{name: a, alias: ../../b, condition: "..,a.b"}]',
  'dependencies:\n- name: a\n  import-values: [data, {child: ., parent: .}, 1]',
  'dependencies: [{name: a, version: ">>1", tags: [1, {}]}]',
  'type: library',
  'kubeVersion: ">= 1.x || <"',
  'name: ../../x',
  'version: 1.2.3.4.5',
  'annotations: {a: {b: c}}',
];

/** Bounded, so that a text of braces alone takes no time. */
const actionPattern = /\{\{[^{}]{0,400}\}\}/g;

/** Every way, by name. */
export const mutations: Readonly<Record<string, Mutation>> = {
  'bad UTF-8': (draft, random) =>
    change(draft, random, anywhere, (text) => insert(text, somewhere(text, random), pick(badBytes, random) ?? '')),
  'a flipped byte': (draft, random) =>
    change(draft, random, anywhere, (text) => {
      const at = random.integer(Math.max(1, text.length));
      return `${text.slice(0, at)}${String.fromCodePoint(random.integer(256))}${text.slice(at + 1)}`;
    }),
  'deep nesting in YAML': (draft, random) =>
    change(draft, random, isYaml, (text) => insertLine(text, random, deepText('yaml', random))),
  'deep nesting in a template': (draft, random) =>
    change(draft, random, isTemplate, (text) => insertLine(text, random, deepText('template', random))),
  'deep nesting in the schema': (draft, random) => new Map(draft).set('values.schema.json', deepText('schema', random)),
  'a huge number': (draft, random) =>
    change(draft, random, anywhere, (text) =>
      replaceOne(text, /\b\d+(?:\.\d+)?\b/g, random, pick(hugeNumbers, random) ?? ''),
    ),
  'a greedy expression': (draft, random) =>
    change(draft, random, isTemplate, (text) => insertLine(text, random, pick(greedyExpressions, random) ?? '')),
  'knotted YAML values': (draft, random) =>
    change(draft, random, isYaml, (text) => `${pick(knottedYaml, random) ?? ''}\n${text}`),
  'knotted YAML written': (draft, random) =>
    change(draft, random, isTemplate, (text) => insertLine(text, random, pick(knottedYaml, random) ?? '')),
  'an endless template': (draft, random) =>
    change(draft, random, isTemplate, (text) => {
      const names = [...text.matchAll(/define\s+"([^"]+)"/g)].map((match) => match[1] ?? '');
      const name = pick(names, random) ?? 'x.y';
      return `${text}\n${(pick(endlessTemplates, random) ?? '').replaceAll('NAME', name)}`;
    }),
  'files swapped': (draft, random) => {
    const names = [...draft.keys()];
    const [left, right] = [pick(names, random), pick(names, random)];
    if (left === undefined || right === undefined) return undefined;
    return new Map(draft).set(left, draft.get(right) ?? '').set(right, draft.get(left) ?? '');
  },
  'a file gone': (draft, random) => {
    const name = pick([...draft.keys()], random);
    return name === undefined ? undefined : new Map([...draft].filter(([key]) => key !== name));
  },
  'a part of another file': (draft, random) => {
    const source = draft.get(pick([...draft.keys()], random) ?? '') ?? '';
    const from = somewhere(source, random);
    const part = source.slice(from, from + random.integer(400));
    return change(draft, random, anywhere, (text) => insert(text, somewhere(text, random), part));
  },
  'a line gone': (draft, random) =>
    change(draft, random, anywhere, (text) => {
      const lines = text.split('\n');
      lines.splice(random.integer(lines.length), 1 + random.integer(3));
      return lines.join('\n');
    }),
  'a line twice': (draft, random) =>
    change(draft, random, anywhere, (text) => insertLine(text, random, pick(text.split('\n'), random) ?? '')),
  'an action gone': (draft, random) =>
    change(draft, random, isTemplate, (text) => replaceOne(text, actionPattern, random, '')),
  'another word': (draft, random) =>
    change(draft, random, isTemplate, (text) => {
      const action = pick([...text.matchAll(actionPattern)], random);
      const edited = action && replaceOne(action[0], /[$.]?\b[\w.]+/g, random, pick(words, random) ?? '');
      if (action === undefined || edited === undefined) return undefined;
      return `${text.slice(0, action.index)}${edited}${text.slice(action.index + action[0].length)}`;
    }),
  'another value': (draft, random) =>
    change(draft, random, isYaml, (text) => replaceOne(text, /(?<=: ).*$/gm, random, pick(scalars, random) ?? '')),
  'other metadata': (draft, random) =>
    change(
      draft,
      random,
      (name) => name.endsWith('Chart.yaml'),
      (text) => `${text}\n${pick(metadata, random) ?? ''}`,
    ),
};

/** Spoils a chart in one to three ways; gives what was done with it. */
export function mutate(draft: Draft, random: Random, names: readonly string[] = Object.keys(mutations)): Mutated {
  const done: string[] = [];
  let current = draft;
  for (let rest = 1 + random.integer(3); rest > 0; rest -= 1) {
    const name = pick(names, random) ?? '';
    const next = mutations[name]?.(current, random);
    if (next === undefined) continue;
    current = next;
    done.push(name);
  }
  return { draft: current, done };
}

export interface Mutated {
  readonly draft: Draft;
  readonly done: readonly string[];
}

/** Bytes to one character each. */
export function toDraft(files: ReadonlyMap<string, Uint8Array>): Draft {
  return new Map([...files].map(([name, data]) => [name, Buffer.from(data).toString('latin1')]));
}

/** One character each to bytes. */
export function fromDraft(draft: Draft): Map<string, Uint8Array> {
  return new Map([...draft].map(([name, text]) => [name, new Uint8Array(Buffer.from(text, 'latin1'))]));
}
