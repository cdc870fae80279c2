/** What each keyword of .gitlab-ci.yml means here: done, without effect here, or refused by name. */

/** `notes` are said once in the job's log. */
export type KeywordRule =
  | { readonly type: 'done' }
  | { readonly type: 'noted'; readonly note: string }
  | { readonly type: 'refused'; readonly because: string };

const done = { type: 'done' } as const;
const noted = (note: string): KeywordRule => ({ type: 'noted', note });
const refused = (because: string): KeywordRule => ({ type: 'refused', because });

/** Job keywords. Source: GitLab "CI/CD YAML syntax reference", job keywords. */
export const jobKeywords: Readonly<Record<string, KeywordRule>> = {
  after_script: done,
  allow_failure: done,
  artifacts: done,
  before_script: done,
  cache: done,
  dependencies: done,
  except: done,
  extends: done,
  image: done,
  inherit: done,
  needs: done,
  only: done,
  retry: done,
  rules: done,
  script: done,
  services: done,
  stage: done,
  timeout: done,
  variables: done,
  when: done,
  coverage: noted('coverage is not collected'),
  environment: noted('environments are not tracked: releases are deployed by synchronisation'),
  interruptible: noted('interruptible has no effect: pipelines are not cancelled by newer ones'),
  resource_group: noted('resource_group has no effect: two jobs run at a time'),
  tags: noted('runner tags have no effect: jobs run as pods of the cluster'),
  hooks: refused('hooks are not run'),
  id_tokens: refused('identity tokens are not issued'),
  identity: refused('identities are not issued'),
  inputs: refused('inputs are not supported'),
  manual_confirmation: refused('manual jobs cannot be confirmed'),
  pages: refused('pages are not published'),
  parallel: refused('parallel and matrix jobs are not supported: write the jobs out'),
  publish: refused('pages are not published'),
  release: refused('releases are not created'),
  run: refused('steps are not supported: use script'),
  secrets: refused('secrets of other systems are not fetched'),
  start_in: refused('delayed jobs are not supported'),
  trigger: refused('other pipelines are not triggered'),
};

/** Keywords at the top of the file that are no jobs. */
export const globalKeywords: Readonly<Record<string, KeywordRule>> = {
  after_script: done,
  before_script: done,
  cache: done,
  default: done,
  image: done,
  include: done,
  services: done,
  stages: done,
  variables: done,
  workflow: done,
  spec: refused('components with inputs are not supported'),
  types: refused('types is the old name of stages: write stages'),
};

/** Keywords below `default:`. */
export const defaultKeywords = new Set([
  'after_script',
  'artifacts',
  'before_script',
  'cache',
  'image',
  'retry',
  'services',
  'timeout',
]);

/** Keywords below `default:` that have no effect here. */
export const defaultNoted = new Set(['interruptible', 'tags']);

export const workflowKeywords: Readonly<Record<string, KeywordRule>> = {
  rules: done,
  name: noted('the pipeline name is not shown'),
  auto_cancel: noted('auto_cancel has no effect: pipelines are not cancelled by newer ones'),
};

export const artifactKeywords: Readonly<Record<string, KeywordRule>> = {
  paths: done,
  exclude: done,
  when: done,
  name: noted('the name of artifacts has no effect'),
  expire_in: noted('artifacts are kept until the pipeline is deleted'),
  expose_as: noted('artifacts are not exposed'),
  access: noted('the access to artifacts has no effect'),
  public: noted('the access to artifacts has no effect'),
  reports: noted('reports are not collected'),
  untracked: refused('untracked artifacts are not supported: name paths'),
};

export const cacheKeywords: Readonly<Record<string, KeywordRule>> = {
  key: done,
  paths: done,
  policy: done,
  when: done,
  fallback_keys: refused('fallback keys are not supported'),
  unprotect: noted('unprotect has no effect'),
  untracked: refused('untracked caches are not supported: name paths'),
};

export const ruleKeywords: Readonly<Record<string, KeywordRule>> = {
  if: done,
  changes: done,
  exists: done,
  when: done,
  allow_failure: done,
  variables: done,
  needs: refused('needs in rules are not supported: write them in the job'),
  interruptible: noted('interruptible has no effect'),
  start_in: refused('delayed jobs are not supported'),
  auto_cancel: noted('auto_cancel has no effect'),
};
