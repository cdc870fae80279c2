/** What of a repository is no part of its artifact. Source: fluxcd/pkg/sourceignore. */

import ignore from 'ignore';

const always = ['.git/', '.gitignore', '.gitmodules', '.gitattributes'];
const byDefault = [
  ...['jpg', 'jpeg', 'gif', 'png', 'wmv', 'flv', 'tar.gz', 'zip'].map((extension) => `*.${extension}`),
  '.github/',
  '.circleci/',
  '.travis.yml',
  '.gitlab-ci.yml',
  'appveyor.yml',
  '.drone.yml',
  'cloudbuild.yaml',
  'codeship-services.yml',
  'codeship-steps.yml',
  '**/.goreleaser.yml',
  '**/.sops.yaml',
  '**/.flux.yaml',
];
const fileName = '.sourceignore';

/**
 * The files without those that `.sourceignore` files and `spec.ignore` name, the later rule winning; the defaults count
 * where there are no such rules, files of Git itself are never there.
 */
export function withoutIgnored(
  files: ReadonlyMap<string, Uint8Array>,
  spec: string | undefined,
): Map<string, Uint8Array> {
  const rules = ignore().add(always);
  const places = [...files.keys()].filter((path) => path === fileName || path.endsWith(`/${fileName}`));
  for (const place of places.toSorted((left, right) => left.length - right.length)) {
    const folder = place.slice(0, -fileName.length);
    rules.add(withinFolder(Buffer.from(files.get(place) ?? []).toString('utf8'), folder));
  }
  const texts = [...places.map((place) => Buffer.from(files.get(place) ?? []).toString('utf8')), spec ?? ''];
  const isRuled = texts.some((text) => text.split('\n').some((line) => line.trim() !== '' && !line.startsWith('#')));
  if (!isRuled) rules.add(byDefault);
  if (spec !== undefined) rules.add(spec);
  return new Map([...files].filter(([path]) => !rules.ignores(path)));
}

/** Patterns of a folder's file, as patterns of the root. */
function withinFolder(text: string, folder: string): string {
  if (folder === '') return text;
  return text
    .split('\n')
    .map((line) => {
      const [, not = '', pattern = ''] = /^(!?)(.*)$/.exec(line.trim()) ?? [];
      if (pattern === '' || pattern.startsWith('#')) return line;
      const isAnchored = pattern.replace(/\/$/, '').includes('/');
      return `${not}/${folder}${isAnchored ? pattern.replace(/^\//, '') : `**/${pattern}`}`;
    })
    .join('\n');
}
