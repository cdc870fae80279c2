/** CI/CD variables: the predefined ones, and how values are expanded. */

import type { Commit } from '@towpath/git';
import type { Variables } from './expression.ts';

export interface PredefinedInput {
  /** e.g. acme/shop */
  readonly repository: string;
  /** Address for programs on the host, without credentials. */
  readonly url: string;
  readonly defaultBranch: string;
  readonly ref: { readonly type: 'branch' | 'tag'; readonly name: string };
  readonly commit: Commit;
  readonly before: string;
  readonly iid: number;
  readonly source: string;
  /** The tag images of this run get. */
  readonly imageTag: string;
  /** Address of the embedded registry, host:port; empty when there is none. */
  readonly registry: string;
}

/** Source: GitLab "Predefined CI/CD variables". Those known when the pipeline is made. */
export function predefinedVariables(input: PredefinedInput): Record<string, string> {
  const { repository, ref, commit } = input;
  const slash = repository.lastIndexOf('/');
  const namespace = slash < 0 ? '' : repository.slice(0, slash);
  const title = commit.subject;
  return {
    CI: 'true',
    GITLAB_CI: 'true',
    CI_SERVER: 'yes',
    CI_SERVER_NAME: 'Towpath',
    CI_API_V4_URL: '',
    CI_PROJECT_ID: '1',
    CI_PROJECT_NAME: repository.slice(slash + 1),
    CI_PROJECT_TITLE: repository.slice(slash + 1),
    CI_PROJECT_PATH: repository,
    CI_PROJECT_PATH_SLUG: slug(repository),
    CI_PROJECT_NAMESPACE: namespace,
    CI_PROJECT_ROOT_NAMESPACE: namespace.split('/')[0] ?? '',
    CI_PROJECT_URL: input.url.replace(/\.git$/, ''),
    CI_REPOSITORY_URL: input.url,
    CI_DEFAULT_BRANCH: input.defaultBranch,
    CI_CONFIG_PATH: '.gitlab-ci.yml',
    CI_COMMIT_SHA: commit.id,
    CI_COMMIT_SHORT_SHA: commit.id.slice(0, 8),
    CI_COMMIT_BEFORE_SHA: input.before,
    CI_COMMIT_REF_NAME: ref.name,
    CI_COMMIT_REF_SLUG: slug(ref.name),
    CI_COMMIT_REF_PROTECTED: 'false',
    ...(ref.type === 'branch' ? { CI_COMMIT_BRANCH: ref.name } : { CI_COMMIT_TAG: ref.name }),
    CI_COMMIT_TITLE: title,
    CI_COMMIT_MESSAGE: commit.message,
    CI_COMMIT_DESCRIPTION: commit.message.split('\n').slice(1).join('\n').trim(),
    CI_COMMIT_AUTHOR: `${commit.authorName} <${commit.authorEmail}>`,
    CI_COMMIT_TIMESTAMP: new Date(commit.committedAtMs).toISOString(),
    CI_PIPELINE_IID: String(input.iid),
    CI_PIPELINE_ID: String(input.iid),
    CI_PIPELINE_SOURCE: input.source,
    CI_REGISTRY: input.registry,
    CI_REGISTRY_IMAGE: input.registry === '' ? repository : `${input.registry}/${repository}`,
    TOWPATH_IMAGE_TAG: input.imageTag,
  };
}

/** Those of one job. */
export function jobPredefined(job: { name: string; stage: string; image: string | undefined }): Record<string, string> {
  return {
    CI_JOB_NAME: job.name,
    CI_JOB_NAME_SLUG: slug(job.name),
    CI_JOB_STAGE: job.stage,
    CI_JOB_STATUS: 'running',
    ...(job.image !== undefined && { CI_JOB_IMAGE: job.image }),
  };
}

/** Lower case, `-` for everything else, at most 63 characters, no dash at either end. */
function slug(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^a-z0-9]/g, '-')
    .slice(0, 63)
    .replace(/^-+|-+$/g, '');
}

const maxValueLength = 64 * 1024;
const maxPasses = 10;

/** Values with `$NAME`, `${NAME}` and `%NAME%`-free expansion of each other; `$$` is a dollar, a circle stays as written. */
export function expandVariables(variables: Variables): Record<string, string> {
  const expanded: Record<string, string> = {};
  for (const name of Object.keys(variables)) expanded[name] = expandOne(name, variables);
  return expanded;
}

function expandOne(name: string, variables: Variables): string {
  const resolve = (key: string, chain: readonly string[], written: string): string => {
    if (!Object.hasOwn(variables, key)) return '';
    if (chain.includes(key) || chain.length >= maxPasses) return written;
    return expandText(variables[key] ?? '', (inner, text) => resolve(inner, [...chain, key], text));
  };
  return resolve(name, [], variables[name] ?? '').slice(0, maxValueLength);
}

/** Replaces variables of a text; unset ones become empty. */
export function expandWith(text: string, variables: Variables): string {
  return expandText(text, (name) => (Object.hasOwn(variables, name) ? (variables[name] ?? '') : ''));
}

function expandText(text: string, resolve: (name: string, written: string) => string): string {
  return text.replace(
    /\$\$|\$\{([A-Za-z_]\w*)\}|\$([A-Za-z_]\w*)/g,
    (written: string, braced?: string, plain?: string) => {
      const name = braced ?? plain;
      return name === undefined ? '$' : resolve(name, written);
    },
  );
}
