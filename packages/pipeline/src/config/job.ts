/** One job of .gitlab-ci.yml. */

import { isRecord } from '@towpath/kit';
import { artifactKeywords, cacheKeywords, jobKeywords } from './keywords.ts';
import type { Artifacts, Cache, JobConfig, Need, RefPolicy } from './model.ts';
import {
  booleanOr,
  checkKeywords,
  durationSeconds,
  invalid,
  member,
  oneOf,
  optionalText,
  placeOf,
  projectPaths,
  textList,
  unsupported,
  variablesOf,
  type Located,
} from './read.ts';
import { parseRules, whenChoices } from './rules.ts';

export interface JobInput {
  readonly located: Located;
  readonly name: string;
  readonly defaults: Readonly<Record<string, Located>>;
  readonly stages: readonly string[];
  readonly notes: readonly string[];
}

const defaultTimeoutSeconds = 3600;

/** Throws `CI_INVALID` or `CI_UNSUPPORTED`. */
export function parseJob(input: JobInput): JobConfig {
  const { located, name } = input;
  if (!isRecord(located.value)) throw unsupported(located, 'it is no job and no keyword');
  const jobNotes = checkKeywords(located, jobKeywords);
  const inherit = inheritOf(member(located, 'inherit'));
  const from = (key: string): Located => {
    const own = member(located, key);
    const fallback = inherit.keyword(key) ? input.defaults[key] : undefined;
    return own.value === undefined && fallback !== undefined ? fallback : own;
  };
  const script = textList(from('script'));
  if (script.length === 0) throw invalid(located, 'has no script');
  const artifacts = artifactsOf(from('artifacts'));
  const caches = cachesOf(from('cache'));
  const services = servicesOf(from('services'));
  return {
    name,
    stage: stageOf(member(located, 'stage'), input.stages),
    image: imageOf(from('image')),
    services: services.names,
    beforeScript: textList(from('before_script')),
    script,
    afterScript: textList(from('after_script')),
    variables: variablesOf(member(located, 'variables')),
    inheritVariables: inherit.variables,
    rules: parseRules(member(located, 'rules')),
    only: refPolicyOf(member(located, 'only')),
    except: refPolicyOf(member(located, 'except')),
    needs: needsOf(member(located, 'needs')),
    dependencies:
      member(located, 'dependencies').value === undefined ? undefined : textList(member(located, 'dependencies')),
    when: oneOf(member(located, 'when'), whenChoices, 'on_success'),
    allowFailure: allowFailureOf(member(located, 'allow_failure'), member(located, 'when').value === 'manual'),
    artifacts: artifacts.value,
    caches: caches.value,
    timeoutSeconds: durationSeconds(from('timeout'), defaultTimeoutSeconds),
    retries: retriesOf(from('retry')),
    notes: [...new Set([...input.notes, ...jobNotes, ...artifacts.notes, ...caches.notes, ...services.notes])],
    where: placeOf(located),
  };
}

function stageOf(located: Located, stages: readonly string[]): string {
  const stage = optionalText(located) ?? 'test';
  if (stages.includes(stage)) return stage;
  throw invalid(located, `names the stage ${stage}, which is not one of ${stages.slice(1, -1).join(', ')}`);
}

function inheritOf(located: Located): { keyword: (key: string) => boolean; variables: boolean | string[] } {
  if (located.value === undefined) return { keyword: () => true, variables: true };
  checkKeywords(located, { default: { type: 'done' }, variables: { type: 'done' } });
  const choice = (inner: Located): boolean | string[] =>
    inner.value === undefined || typeof inner.value === 'boolean' ? inner.value !== false : textList(inner);
  const keywords = choice(member(located, 'default'));
  return {
    keyword: (key) => (typeof keywords === 'boolean' ? keywords : keywords.includes(key)),
    variables: choice(member(located, 'variables')),
  };
}

function imageOf(located: Located): string | undefined {
  if (!isRecord(located.value)) return optionalText(located);
  checkKeywords(located, {
    name: { type: 'done' },
    entrypoint: { type: 'done' },
    pull_policy: { type: 'done' },
    docker: { type: 'refused', because: 'options of the docker executor are not supported' },
    kubernetes: { type: 'refused', because: 'options of the kubernetes executor are not supported' },
  });
  return optionalText(member(located, 'name'));
}

/** Only docker-in-docker has a stand-in here: the docker shim. */
function servicesOf(located: Located): { names: string[]; notes: string[] } {
  if (located.value === undefined || located.value === null) return { names: [], notes: [] };
  if (!Array.isArray(located.value)) throw invalid(located, 'must be a list');
  const names = (located.value as unknown[]).map((entry, index) => {
    const here: Located = { value: entry, path: [...located.path, index], where: located.where };
    const name = isRecord(entry) ? optionalText(member(here, 'name')) : optionalText(here);
    if (name === undefined || !/(^|\/)docker:([a-z0-9.-]*dind|dind[a-z0-9.-]*)(@|$)/.test(name)) {
      throw unsupported(here, `the service ${name ?? ''} cannot be run beside a job; only docker:dind has a stand-in`);
    }
    return name;
  });
  const notes =
    names.length === 0 ? [] : [`the service ${names.join(', ')} is not started: towpath docker stands in for it`];
  return { names, notes };
}

function refPolicyOf(located: Located): RefPolicy | undefined {
  if (located.value === undefined || located.value === null) return undefined;
  if (!isRecord(located.value)) return { refs: textList(located), variables: [], changes: [] };
  checkKeywords(located, {
    refs: { type: 'done' },
    variables: { type: 'done' },
    changes: { type: 'done' },
    kubernetes: { type: 'refused', because: 'write rules instead' },
  });
  return {
    refs: textList(member(located, 'refs')),
    variables: textList(member(located, 'variables')),
    changes: textList(member(located, 'changes')),
  };
}

function needsOf(located: Located): Need[] | undefined {
  if (located.value === undefined) return undefined;
  if (!Array.isArray(located.value)) throw invalid(located, 'must be a list');
  return (located.value as unknown[]).map((entry, index) => {
    const here: Located = { value: entry, path: [...located.path, index], where: located.where };
    if (typeof entry === 'string') return { job: entry, optional: false, artifacts: true };
    checkKeywords(here, {
      job: { type: 'done' },
      optional: { type: 'done' },
      artifacts: { type: 'done' },
      project: { type: 'refused', because: 'jobs of other projects cannot be needed' },
      pipeline: { type: 'refused', because: 'jobs of other pipelines cannot be needed' },
      ref: { type: 'refused', because: 'jobs of other projects cannot be needed' },
      parallel: { type: 'refused', because: 'parallel jobs are not supported' },
    });
    const job = optionalText(member(here, 'job'));
    if (job === undefined) throw invalid(here, 'names no job');
    return {
      job,
      optional: booleanOr(member(here, 'optional'), false),
      artifacts: booleanOr(member(here, 'artifacts'), true),
    };
  });
}

function allowFailureOf(located: Located, manual: boolean): boolean {
  if (isRecord(located.value)) throw unsupported(located, 'exit codes are not told apart: write true or false');
  return booleanOr(located, manual);
}

function artifactsOf(located: Located): { value: Artifacts | undefined; notes: string[] } {
  if (located.value === undefined || located.value === null) return { value: undefined, notes: [] };
  const notes = checkKeywords(located, artifactKeywords);
  const paths = projectPaths(member(located, 'paths'));
  const value: Artifacts = {
    paths,
    exclude: projectPaths(member(located, 'exclude')),
    when: oneOf(member(located, 'when'), ['on_success', 'on_failure', 'always'], 'on_success'),
  };
  return { value: paths.length === 0 ? undefined : value, notes };
}

function cachesOf(located: Located): { value: Cache[]; notes: string[] } {
  if (located.value === undefined || located.value === null) return { value: [], notes: [] };
  const entries = Array.isArray(located.value)
    ? (located.value as unknown[]).map((value, index): Located => ({
        value,
        path: [...located.path, index],
        where: located.where,
      }))
    : [located];
  const notes: string[] = [];
  const value = entries.flatMap((entry): Cache[] => {
    if (!isRecord(entry.value)) throw invalid(entry, 'must be a map');
    notes.push(...checkKeywords(entry, cacheKeywords));
    const paths = projectPaths(member(entry, 'paths'));
    if (paths.length === 0) return [];
    const policy = oneOf(member(entry, 'policy'), ['pull', 'push', 'pull-push'], 'pull-push');
    return [{ key: cacheKeyOf(member(entry, 'key')), paths, policy }];
  });
  return { value, notes };
}

function cacheKeyOf(located: Located): Cache['key'] {
  if (!isRecord(located.value)) return { type: 'text', text: optionalText(located) ?? 'default' };
  checkKeywords(located, {
    files: { type: 'done' },
    prefix: { type: 'done' },
    files_commits: { type: 'refused', because: 'write files' },
  });
  const files = projectPaths(member(located, 'files'));
  if (files.length === 0 || files.length > 2) throw invalid(located, 'must name one or two files');
  return { type: 'files', files, prefix: optionalText(member(located, 'prefix')) ?? '' };
}

function retriesOf(located: Located): number {
  if (isRecord(located.value)) {
    checkKeywords(located, {
      max: { type: 'done' },
      when: { type: 'refused', because: 'causes of failures are not told apart: write only max' },
      exit_codes: { type: 'refused', because: 'exit codes are not told apart: write only max' },
    });
  }
  const text = isRecord(located.value) ? optionalText(member(located, 'max')) : optionalText(located);
  if (text === undefined) return 0;
  if (/^[0-2]$/.test(text)) return Number(text);
  throw invalid(located, 'must be 0, 1 or 2');
}
