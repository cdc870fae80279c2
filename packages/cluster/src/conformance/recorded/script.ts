/** The request script: YAML files of steps, expanded into requests that may name earlier answers. */

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isRecord, parseYaml, TowpathError, type UnknownRecord } from '@towpath/kit';

/** One file of the script: it has a namespace of its own, `rec-NAME`. */
export interface ScriptFile {
  readonly name: string;
  readonly namespace: string;
  readonly steps: readonly Step[];
}

/** A request as written; `${STEP.path.in.answer}` in it stands for a value of an earlier answer. */
export interface Step {
  /** Names the answer in the recordings: `FILE: NAME`. */
  readonly id: string;
  /** What later steps call the answer. */
  readonly as: string | undefined;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Sent as JSON unless it is text. */
  readonly body: unknown;
}

/** Names for the Accept headers and content types that occur often. */
const accepts: Readonly<Record<string, string>> = {
  table: 'application/json;as=Table;v=v1;g=meta.k8s.io',
  metadata: 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io',
  metadataList: 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io',
};
const types: Readonly<Record<string, string>> = {
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  json: 'application/json-patch+json',
  apply: 'application/apply-patch+yaml',
  yaml: 'application/yaml',
};

/** Reads all files of a folder, in the order of their names. Throws `SCRIPT_INVALID` naming file and step. */
export async function loadScript(folder: string): Promise<ScriptFile[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.yaml')).toSorted();
  return Promise.all(
    names.map(async (name) => parseScript(name.slice(0, -'.yaml'.length), await readFile(join(folder, name), 'utf8'))),
  );
}

/** Expands one file. */
export function parseScript(name: string, text: string): ScriptFile {
  const file = parseYaml(text, { file: `${name}.yaml` });
  if (!isRecord(file) || !Array.isArray(file['steps'])) throw scriptError(name, 'a file has `steps`');
  const namespace = `rec-${name}`;
  const templates = isRecord(file['templates']) ? file['templates'] : {};
  const seen = new Map<string, number>();
  const steps = file['steps'].flatMap((raw: unknown) => {
    if (!isRecord(raw) || typeof raw['do'] !== 'string') throw scriptError(name, 'a step has `do: METHOD PATH`');
    return casesOf(raw).map((one) => {
      const title = String(one['name'] ?? one['do']);
      const count = (seen.get(title) ?? 0) + 1;
      seen.set(title, count);
      return toStep(one, { id: `${name}: ${title}${count === 1 ? '' : ` #${count}`}`, namespace, templates });
    });
  });
  return { name, namespace, steps };
}

/** `cases: { TITLE: SET }` stands for a step each. */
function casesOf(step: UnknownRecord): UnknownRecord[] {
  const { cases, ...rest } = step;
  if (!isRecord(cases)) return [step];
  const common = isRecord(rest['set']) ? rest['set'] : {};
  const title = rest['name'] ?? rest['do'];
  return Object.entries(cases).map(([name, set]) => ({
    ...rest,
    name: `${String(title)}, ${name}`,
    set: { ...common, ...(isRecord(set) ? set : {}) },
  }));
}

const known = ['name', 'as', 'do', 'accept', 'type', 'headers', 'from', 'set', 'body'];

interface StepPlace {
  readonly id: string;
  readonly namespace: string;
  readonly templates: UnknownRecord;
}

function toStep(raw: UnknownRecord, { id, namespace, templates }: StepPlace): Step {
  const unknown = Object.keys(raw).filter((member) => !known.includes(member));
  if (unknown.length > 0) throw scriptError(id, `unknown member ${unknown.join(', ')}`);
  const [method = '', ...words] = String(raw['do']).split(' ');
  const path = fullPath(words.join(' '), namespace);
  const body = bodyOf(raw, { id, namespace, templates }, path);
  const headers: Record<string, string> = {};
  if (body !== undefined) headers['content-type'] = 'application/json';
  if (typeof raw['accept'] === 'string') headers['accept'] = accepts[raw['accept']] ?? raw['accept'];
  if (typeof raw['type'] === 'string') headers['content-type'] = types[raw['type']] ?? raw['type'];
  if (isRecord(raw['headers'])) for (const [key, value] of Object.entries(raw['headers'])) headers[key] = String(value);
  return { id, as: typeof raw['as'] === 'string' ? raw['as'] : undefined, method, path, headers, body };
}

/** `v1/pods/x` is below the file's namespace, `/api/v1/nodes` as it stands. */
function fullPath(path: string, namespace: string): string {
  if (path.startsWith('/')) return path.replaceAll('{ns}', namespace);
  const [first = '', second = '', ...rest] = path.split('/');
  if (first === 'v1') return `/api/v1/namespaces/${namespace}/${[second, ...rest].join('/')}`;
  return `/apis/${first}/${second}/namespaces/${namespace}/${rest.join('/')}`;
}

function bodyOf(raw: UnknownRecord, place: StepPlace, path: string): unknown {
  const { from, set } = raw;
  if (from === undefined) return withVersion(raw['body'], path);
  const template = place.templates[String(from)];
  if (!isRecord(template)) throw scriptError(place.id, `no template ${String(from)}`);
  const body = structuredClone(template);
  for (const [at, value] of Object.entries(isRecord(set) ? set : {})) setAt(body, at.split('.'), value);
  return withVersion(body, path);
}

/** A body that names its kind gets the version of the path. */
function withVersion(body: unknown, path: string): unknown {
  if (!isRecord(body) || body['kind'] === undefined || body['apiVersion'] !== undefined) return body;
  const [, root, first = '', second = ''] = path.split('/');
  return { apiVersion: root === 'api' ? first : `${first}/${second}`, ...body };
}

/** Sets a member by its dotted path (`~` for a dot); null removes it. */
function setAt(target: UnknownRecord | unknown[], path: readonly string[], value: unknown): void {
  const [head = '', ...rest] = path;
  const key = head.replaceAll('~', '.');
  const members = target as UnknownRecord;
  if (rest.length === 0) {
    if (value === null) delete members[key];
    else members[key] = value;
    return;
  }
  const next = members[key];
  if (isRecord(next) || Array.isArray(next)) return setAt(next, rest, value);
  const made = /^\d+$/.test(rest[0] ?? '') ? [] : {};
  members[key] = made;
  setAt(made, rest, value);
}

function scriptError(where: string, what: string): TowpathError {
  return new TowpathError('SCRIPT_INVALID', `${where}: ${what}`, { next: 'correct the file of the request script' });
}
