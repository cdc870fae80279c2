/** The shell script a job's container runs: source, caches, artifacts, the job's own lines. Pure. */

import type { Artifacts } from '../config/model.ts';

export interface JobScriptInput {
  readonly projectName: string;
  /** For programs on the host. */
  readonly cloneUrl: string;
  readonly commit: string;
  readonly refName: string;
  readonly beforeScript: readonly string[];
  readonly script: readonly string[];
  readonly afterScript: readonly string[];
  /** Said first, one per line. */
  readonly notes: readonly string[];
  /** Put in front of PATH. */
  readonly shimDir: string;
  readonly caches: readonly CacheFolder[];
  /** Folders whose content is copied into the project. */
  readonly artifactsFrom: readonly string[];
  readonly artifacts: (Artifacts & { readonly into: string }) | undefined;
}

interface CacheFolder {
  readonly name: string;
  /** The folder of this key on the host. */
  readonly folder: string;
  readonly paths: readonly string[];
  readonly pull: boolean;
  readonly push: boolean;
  /** The key is made from file contents: what is there already need not be written again. */
  readonly immutable: boolean;
}

/** Runs with sh; the job's own lines run with bash where there is one, as GitLab's shell executor does. */
export function jobScript(input: JobScriptInput): string {
  return [
    preamble(input),
    checkout(input),
    ...input.caches.filter((cache) => cache.pull).map(restoreCache),
    ...input.artifactsFrom.map(restoreArtifacts),
    mainScript(input),
    afterScript(input),
    saveArtifacts(input),
    ...input.caches.filter((cache) => cache.push).map(saveCache),
    'if [ "$towpath_rc" -eq 0 ]; then say "Job succeeded"; else say "ERROR: Job failed: exit code $towpath_rc"; fi',
    'exit "$towpath_rc"',
    '',
  ].join('\n');
}

function preamble({ projectName, shimDir, notes }: JobScriptInput): string {
  return `set -u
say() { printf '%s\\n' "$*"; }
towpath_work=$PWD
mkdir -p "$towpath_work/builds" "$towpath_work/tmp" || exit 1
CI_PROJECT_DIR=$towpath_work/builds/${quote(projectName)}
CI_BUILDS_DIR=$towpath_work/builds
TMPDIR=$towpath_work/tmp
PATH=${quote(shimDir)}:$PATH
GIT_TERMINAL_PROMPT=0
export CI_PROJECT_DIR CI_BUILDS_DIR TMPDIR PATH GIT_TERMINAL_PROMPT
say "Running with Towpath on $(uname -n)"
${notes.map((note) => `say ${quote(`NOTE: ${note}`)}`).join('\n')}`;
}

function checkout({ cloneUrl, commit, refName }: JobScriptInput): string {
  const short = commit.slice(0, 8);
  return `rm -rf "$CI_PROJECT_DIR"
git -c init.defaultBranch=master init -q "$CI_PROJECT_DIR" && cd "$CI_PROJECT_DIR" || exit 1
git remote add origin ${quote(cloneUrl)} || exit 1
if ! git -c gc.auto=0 fetch -q --no-tags --depth 20 origin ${quote(commit)}; then
  say "ERROR: the commit ${short} cannot be fetched from" ${quote(cloneUrl)}
  exit 1
fi
git -c advice.detachedHead=false checkout -q --detach ${quote(commit)} || exit 1
say ${quote(`Checking out ${short} as detached HEAD (ref is ${refName})...`)}`;
}

/** Hard links are made where the system can: a cache of node_modules has thousands of files. */
function restoreCache(cache: CacheFolder): string {
  const from = quote(`${cache.folder}/.`);
  return `if [ -d ${quote(cache.folder)} ]; then
  say ${quote(`Restoring cache ${cache.name}`)}
  cp -al ${from} . 2>/dev/null || cp -R ${from} .
else
  say ${quote(`No cache ${cache.name} yet`)}
fi`;
}

function restoreArtifacts(folder: string): string {
  return `if [ -d ${quote(folder)} ]; then (cd ${quote(folder)} && tar -cf - .) | tar -xf - || exit 1; fi`;
}

function mainScript({ beforeScript, script }: JobScriptInput): string {
  return `${heredoc('job.sh', shellLines([...beforeScript, ...script]))}
if command -v bash >/dev/null 2>&1; then
  bash "$towpath_work/tmp/job.sh" </dev/null
else
  sh "$towpath_work/tmp/job.sh" </dev/null
fi
towpath_rc=$?`;
}

function afterScript({ afterScript: lines }: JobScriptInput): string {
  if (lines.length === 0) return '';
  return `say "Running after_script"
if [ "$towpath_rc" -eq 0 ]; then CI_JOB_STATUS=success; else CI_JOB_STATUS=failed; fi
export CI_JOB_STATUS
${heredoc('after.sh', shellLines(lines))}
if command -v bash >/dev/null 2>&1; then towpath_sh=bash; else towpath_sh=sh; fi
"$towpath_sh" "$towpath_work/tmp/after.sh" </dev/null || say "WARNING: after_script failed, but the job goes on"`;
}

/** The job's lines, each announced as GitLab announces it; a line that fails ends the script. */
function shellLines(lines: readonly string[]): string {
  const body = lines.map((line) => {
    const [first = '', ...rest] = line.split('\n');
    const shown = rest.some((other) => other.trim() !== '')
      ? `$ ${first} # collapsed multi-line command`
      : `$ ${first}`;
    return `printf '%s\\n' ${quote(shown)}\n${line}`;
  });
  return `set -e\nif [ -n "\${BASH_VERSION:-}" ]; then set -o pipefail; fi\ncd "$CI_PROJECT_DIR"\n${body.join('\n')}\n`;
}

function saveArtifacts({ artifacts }: JobScriptInput): string {
  if (artifacts === undefined) return '';
  const wanted = { on_success: '[ "$towpath_rc" -eq 0 ]', on_failure: '[ "$towpath_rc" -ne 0 ]', always: 'true' }[
    artifacts.when
  ];
  return `if ${wanted}; then
  ${collect({ into: artifacts.into, paths: artifacts.paths, exclude: artifacts.exclude, what: 'artifacts' })}
fi`;
}

function saveCache(cache: CacheFolder): string {
  const absent = cache.immutable ? `[ ! -d ${quote(cache.folder)} ]` : 'true';
  return `if [ "$towpath_rc" -eq 0 ] && ${absent}; then
  ${collect({ into: cache.folder, paths: cache.paths, exclude: [], what: `cache ${cache.name}` })}
fi`;
}

/** Gathers into a folder beside its place, then renames: another job never sees half of it. */
function collect(options: {
  into: string;
  paths: readonly string[];
  exclude: readonly string[];
  what: string;
}): string {
  const { into, paths, exclude, what } = options;
  const excluded = exclude.map((pattern) => ` --exclude=${quote(`./${pattern}`)} --exclude=${quote(pattern)}`).join('');
  return `cd "$CI_PROJECT_DIR" || exit 1
  towpath_new=${quote(into)}.new-$$
  rm -rf "$towpath_new"; mkdir -p "$towpath_new" || exit 1
  set --
  for towpath_path in ${paths.map(quotePattern).join(' ')}; do
    if [ -e "$towpath_path" ] || [ -h "$towpath_path" ]; then set -- "$@" "./$towpath_path"
    else say "WARNING: $towpath_path: no matching files"; fi
  done
  if [ $# -gt 0 ]; then
    say ${quote(`Saving ${what}`)}
    tar -cf -${excluded} "$@" | tar -xf - -C "$towpath_new" || exit 1
    rm -rf ${quote(`${into}.old`)}; mv ${quote(into)} ${quote(`${into}.old`)} 2>/dev/null
    mv "$towpath_new" ${quote(into)} || exit 1
    rm -rf ${quote(`${into}.old`)}
  else rm -rf "$towpath_new"; fi`;
}

/** A heredoc whose end cannot occur in the text. */
function heredoc(name: string, text: string): string {
  let mark = 'TOWPATH_END';
  while (text.includes(mark)) mark += '_';
  return `cat > "$towpath_work/tmp/${name}" <<'${mark}'\n${text}${mark}`;
}

/** One word for sh. */
export function quote(word: string): string {
  return /^[A-Za-z0-9_./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** A path pattern for sh: everything quoted but the wildcards; `**` counts as `*`. */
function quotePattern(pattern: string): string {
  return pattern
    .replace(/\/+$/, '')
    .split(/(\*+|\?)/)
    .map((part) => (/^[*?]/.test(part) ? part.slice(0, 1) : part === '' ? '' : quote(part)))
    .join('');
}
