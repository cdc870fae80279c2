/** .gitlab-ci.yml → CiConfig: everything resolved, every unknown or unsupported keyword refused by name. */

import { isRecord } from '@towpath/kit';
import { pipelineError } from '../errors.ts';
import { readCiDocument, type CiDocument } from './document.ts';
import { parseJob } from './job.ts';
import { defaultKeywords, defaultNoted, globalKeywords, workflowKeywords } from './keywords.ts';
import type { CiConfig, JobConfig } from './model.ts';
import { checkKeywords, invalid, member, textList, unsupported, variablesOf, type Located } from './read.ts';
import { resolveDocument } from './resolve.ts';
import { parseRules } from './rules.ts';

export interface ParseCiOptions {
  /** Named in errors; default .gitlab-ci.yml */
  readonly file?: string;
  /** Reads a file of the same commit, for `include: local`. */
  readonly readLocal?: (path: string) => Promise<string | undefined>;
}

const defaultStages = ['build', 'test', 'deploy'] as const;
const limits = { jobs: 500, includes: 50 } as const;

/** Throws `CI_INVALID` or `CI_UNSUPPORTED` with FILE:LINE. */
export async function parseCi(text: string, options: ParseCiOptions = {}): Promise<CiConfig> {
  const document = await withIncludes(readCiDocument(text, options.file ?? '.gitlab-ci.yml'), options);
  const value = resolveDocument(document);
  const root: Located = { value, path: [], where: document.where };
  const globalNotes = checkGlobals(root);
  const stages = stagesOf(member(root, 'stages'));
  const defaults = defaultsOf(root);
  const jobs: JobConfig[] = [];
  for (const name of Object.keys(value)) {
    if (name.startsWith('.') || Object.hasOwn(globalKeywords, name)) continue;
    jobs.push(parseJob({ located: member(root, name), name, defaults, stages, notes: globalNotes }));
  }
  if (jobs.length > limits.jobs) throw invalid(root, `the file has more than ${limits.jobs} jobs`);
  checkNames(jobs);
  const workflow = member(root, 'workflow');
  return {
    stages,
    variables: variablesOf(member(root, 'variables')),
    workflow: parseRules(member(workflow, 'rules')),
    jobs,
  };
}

/** Global keywords with the notes every job gets. */
function checkGlobals(root: Located): string[] {
  for (const key of Object.keys(isRecord(root.value) ? root.value : {})) {
    const rule = Object.hasOwn(globalKeywords, key) ? globalKeywords[key] : undefined;
    if (rule?.type === 'refused') throw unsupported(member(root, key), rule.because);
  }
  const workflow = member(root, 'workflow');
  return workflow.value === undefined ? [] : checkKeywords(workflow, workflowKeywords);
}

/** `.pre` is always first, `.post` always last. */
function stagesOf(located: Located): string[] {
  const named = located.value === undefined ? [...defaultStages] : textList(located);
  const inner = named.filter((stage) => stage !== '.pre' && stage !== '.post');
  return ['.pre', ...inner, '.post'];
}

/** `default:` and, below it, the older top-level keywords. */
function defaultsOf(root: Located): Readonly<Record<string, Located>> {
  const section = member(root, 'default');
  const defaults: Record<string, Located> = {};
  for (const key of ['image', 'services', 'before_script', 'after_script', 'cache']) {
    const located = member(root, key);
    if (located.value !== undefined) defaults[key] = located;
  }
  for (const key of Object.keys(isRecord(section.value) ? section.value : {})) {
    if (defaultNoted.has(key)) continue;
    if (!defaultKeywords.has(key)) throw unsupported(member(section, key), 'it is unknown below default');
    defaults[key] = member(section, key);
  }
  return defaults;
}

function checkNames(jobs: readonly JobConfig[]): void {
  const names = new Set(jobs.map((job) => job.name));
  for (const job of jobs) {
    for (const name of job.dependencies ?? []) if (!names.has(name)) throw unknownJob(job, 'dependencies', name);
    for (const need of job.needs ?? []) {
      if (!names.has(need.job) && !need.optional) throw unknownJob(job, 'needs', need.job);
    }
  }
  const circle = findCircle(jobs);
  if (circle !== undefined) {
    throw pipelineError(
      'CI_INVALID',
      `${circle[0]?.where ?? ''}: needs run in a circle: ${circle.map((job) => job.name).join(' → ')}`,
      {
        next: 'correct the file and push again',
      },
    );
  }
}

function unknownJob(job: JobConfig, keyword: string, name: string): Error {
  return pipelineError(
    'CI_INVALID',
    `${job.where}: ${job.name}.${keyword} names ${name}, which is no job of the file`,
    {
      next: 'correct the file and push again',
    },
  );
}

function findCircle(jobs: readonly JobConfig[]): JobConfig[] | undefined {
  const byName = new Map(jobs.map((job) => [job.name, job]));
  const finished = new Set<string>();
  const visit = (job: JobConfig, chain: readonly JobConfig[]): JobConfig[] | undefined => {
    if (finished.has(job.name)) return undefined;
    if (chain.includes(job)) return [...chain.slice(chain.indexOf(job)), job];
    for (const need of job.needs ?? []) {
      const next = byName.get(need.job);
      const found = next === undefined ? undefined : visit(next, [...chain, job]);
      if (found !== undefined) return found;
    }
    finished.add(job.name);
    return undefined;
  };
  for (const job of jobs) {
    const found = visit(job, []);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Local files are merged below the file itself, in order. Every other kind of include is refused. */
async function withIncludes(document: CiDocument, options: ParseCiOptions): Promise<CiDocument> {
  const files = new Map<string, CiDocument>();
  const order: CiDocument[] = [];
  const visit = async (current: CiDocument, chain: readonly string[]): Promise<void> => {
    const included = current.value['include'];
    const entries = included === undefined ? [] : Array.isArray(included) ? (included as unknown[]) : [included];
    for (const entry of entries) {
      const path = localPath(entry, current);
      if (chain.includes(path) || files.has(path)) continue;
      if (files.size >= limits.includes) throw includeError(current, `more than ${limits.includes} files are included`);
      const text = await options.readLocal?.(path);
      if (text === undefined) throw includeError(current, `the included file ${path} does not exist in this commit`);
      const inner = readCiDocument(text, path);
      files.set(path, inner);
      await visit(inner, [...chain, path]);
    }
    order.push(current);
  };
  await visit(document, []);
  if (order.length === 1) return document;
  const { include: _include, ...value } = order.reduce<Record<string, unknown>>(
    (merged, one) => merge(merged, one.value),
    {},
  );
  const where: CiDocument['where'] = (path) => {
    const owner = order.findLast((one) => path[0] !== undefined && Object.hasOwn(one.value, path[0]));
    return (owner ?? document).where(path);
  };
  return { file: document.file, value, where };
}

function merge(base: Record<string, unknown>, over: Record<string, unknown>): Record<string, unknown> {
  const merged = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const below = merged[key];
    merged[key] = isRecord(below) && isRecord(value) ? merge(below, value) : value;
  }
  return merged;
}

function localPath(entry: unknown, document: CiDocument): string {
  const local = typeof entry === 'string' ? entry : isRecord(entry) ? entry['local'] : undefined;
  const others = isRecord(entry) ? Object.keys(entry).filter((key) => key !== 'local') : [];
  if (typeof local !== 'string' || others.length > 0 || /^[a-z]+:\/\//i.test(local)) {
    throw pipelineError('CI_UNSUPPORTED', `${document.where(['include'])}: only include of a local file is supported`, {
      next: 'copy the included file into the repository and include it as local',
    });
  }
  const path = local.replace(/^\/+/, '');
  if (path.split('/').includes('..') || path.includes('*'))
    throw includeError(document, `the path ${local} is not a file of the repository`);
  return path;
}

function includeError(document: CiDocument, message: string): Error {
  return pipelineError('CI_INVALID', `${document.where(['include'])}: ${message}`, {
    next: 'correct the file and push again',
  });
}
