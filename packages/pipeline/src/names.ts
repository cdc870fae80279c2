/** Names and labels of the objects this package writes. */

import { createHash } from 'node:crypto';

/** Label: name of the Repository object a Pipeline belongs to. */
export const repositoryLabel = 'towpath.dev/repository';
/** Label: name of the Pipeline object a Job belongs to. */
export const pipelineLabel = 'towpath.dev/pipeline';
/** Annotation: the job's name as .gitlab-ci.yml writes it. */
export const jobAnnotation = 'towpath.dev/ci-job';
/** Annotation: which attempt of the job it is, from 1. */
export const attemptAnnotation = 'towpath.dev/attempt';
/** Label on a Repository nobody may push to: its pipelines are not run. */
export const readOnlyLabel = 'towpath.dev/read-only';

/** An object name for a repository path: `acme/shop` → `acme.shop`; told apart by a hash where characters are lost. */
export function objectName(path: string, maxLength = 63): string {
  const plain = path.split('/').join('.').toLowerCase();
  const safe = plain
    .replace(/[^a-z0-9.-]/g, '-')
    .replace(/([.-])[.-]+/g, '$1')
    .replace(/^[.-]+|[.-]+$/g, '');
  if (safe === path.split('/').join('.') && safe.length <= maxLength) return safe;
  return `${safe.slice(0, maxLength - 7).replace(/[.-]+$/, '')}-${shortHash(path)}`;
}

/** A DNS label from several parts, at most `maxLength` long. */
export function labelName(parts: readonly string[], maxLength = 52): string {
  const written = parts.join('-');
  const safe = written
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
  if (safe.length <= maxLength) return safe;
  return `${safe.slice(0, maxLength - 7).replace(/-+$/, '')}-${shortHash(written)}`;
}

function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 6);
}
