/** `towpath docker build`: an image from a Dockerfile, without running anything. */

import { readFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { Command } from '@commander-js/extra-typings';
import { codeOf, messageOf, TowpathError } from '@towpath/kit';
import { buildExternally, buildImage, findBase, findBuilder, importArchive, parseDockerfile } from '@towpath/pipeline';
import { formatImageReference, parseImageReference } from '@towpath/registry';
import type { CliContext } from '../../context.ts';
import { dockerPlaces, type DockerPlaces } from './places.ts';

const collect = (value: string, before: readonly string[]): string[] => [...before, value];

export function buildCommand(context: CliContext): Command {
  const command = new Command('build')
    .description('build an image from a Dockerfile; the same input gives the same digest')
    .argument('<path>', 'the build context, a folder')
    .option('-t, --tag <name>', 'name of the image, NAME:TAG; may be repeated', collect, [])
    .option('-f, --file <file>', 'the Dockerfile; default: Dockerfile in the context')
    .option('--build-arg <name=value>', 'value of an ARG; may be repeated', collect, [])
    .option('--pull', 'ask Docker Hub for bases without a host')
    .option('--no-cache', 'no effect: nothing is cached')
    .option('-q, --quiet', 'print only the image id')
    .option('--data <dir>', 'data folder of the running Towpath')
    .action((path, flags) => run(context, path, flags));
  return command as unknown as Command;
}

interface BuildFlags {
  readonly tag: readonly string[];
  readonly file?: string;
  readonly buildArg: readonly string[];
  readonly pull?: true;
  readonly quiet?: true;
  readonly data?: string;
}

async function run(context: CliContext, path: string, flags: BuildFlags): Promise<void> {
  if (path === '-' || /^(https?|git):\/\//.test(path)) {
    throw new TowpathError('USAGE', `the build context must be a folder, not ${path}`, { next: 'name a folder' });
  }
  const contextDir = resolve(context.cwd, path);
  const file = flags.file === undefined ? join(contextDir, 'Dockerfile') : resolve(context.cwd, flags.file);
  const shown = relative(context.cwd, file) || file;
  const text = await readDockerfile(file, shown);
  const tags = flags.tag.map((name) => formatImageReference(parseImageReference(name)));
  const places = await dockerPlaces(context, flags);
  const say = (line: string): void => {
    if (flags.quiet !== true) context.stdout(`${line}\n`);
  };
  const common = { contextDir, tags, buildArgs: buildArgs(context, flags.buildArg), places, say };
  let imageId: string;
  try {
    imageId = await buildHere(parseDockerfile(text, shown), { ...common, pull: flags.pull === true });
  } catch (error) {
    if (codeOf(error) !== 'DOCKERFILE_UNSUPPORTED') throw error;
    imageId = await buildElsewhere(context, { ...common, dockerfile: file, refusal: error });
  }
  if (flags.quiet === true) context.stdout(`${imageId}\n`);
  say(`Successfully built ${imageId.slice('sha256:'.length, 'sha256:'.length + 12)}`);
  for (const tag of tags) say(`Successfully tagged ${tag}`);
}

interface Common {
  readonly contextDir: string;
  readonly tags: readonly string[];
  readonly buildArgs: Readonly<Record<string, string>>;
  readonly places: DockerPlaces;
  readonly say: (line: string) => void;
}

async function buildHere(
  instructions: ReturnType<typeof parseDockerfile>,
  build: Common & { readonly pull: boolean },
): Promise<string> {
  const { places, pull, say, contextDir, tags } = build;
  const built = await buildImage({
    contextDir,
    instructions,
    tags,
    buildArgs: build.buildArgs,
    images: places.images,
    platform: places.platform,
    scratchDir: join(places.folder, 'scratch'),
    findBase: (name) => baseOf(name, { places, pull, say }),
    say,
  });
  return built.imageId;
}

/** Seen of podman 4.3: in a user namespace with one user it looks for the files of root. */
const silentBecause =
  ' (in jobs of an ordinary user none can: build the image in your own shell and push it to the registry of Towpath)';

/** Another engine does what is refused here; without one the refusal stands. */
async function buildElsewhere(
  context: CliContext,
  build: Common & { readonly dockerfile: string; readonly refusal: unknown },
): Promise<string> {
  const { places, tags, say } = build;
  const { clock, env } = context;
  const ownShims = join(places.folder, '..', 'pipeline', 'bin');
  const onSilent = (name: string): void => say(`${name} is on PATH but does not answer here${silentBecause}`);
  const builder = await findBuilder({ clock, env, skipFolder: ownShims, onSilent });
  if (builder === undefined) throw build.refusal;
  say(`${messageOf(build.refusal)}: building with ${builder.name}`);
  const { images, platform } = places;
  return buildExternally({
    builder,
    clock,
    env,
    contextDir: build.contextDir,
    dockerfile: build.dockerfile,
    buildArgs: build.buildArgs,
    scratchDir: join(places.folder, 'scratch'),
    say: (text) => say(text.trimEnd()),
    take: (file) => importArchive({ file, tags, images, platform }),
  });
}

async function baseOf(name: string, options: { places: DockerPlaces; pull: boolean; say: (line: string) => void }) {
  const { places, pull, say } = options;
  const { images, registryUrl, platform, credentials } = places;
  const base = await findBase(name, { images, registryUrl, platform, pull, credentials });
  if (base === undefined) {
    const how = pull ? '' : ' (--pull asks Docker Hub)';
    say(` ---> the base ${name} cannot be reached${how}: the image is thin, with the files of this build only`);
  }
  return base;
}

async function readDockerfile(file: string, shown: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    throw new TowpathError('DOCKER_CONTEXT', `there is no ${shown}`, {
      next: 'name the Dockerfile with --file',
      cause: error,
    });
  }
}

/** `NAME=value`, or `NAME` for the value of the environment. */
function buildArgs(context: CliContext, args: readonly string[]): Record<string, string> {
  const pairs = args.map((arg): [string, string] => {
    const equals = arg.indexOf('=');
    if (equals > 0) return [arg.slice(0, equals), arg.slice(equals + 1)];
    return [arg, context.env[arg] ?? ''];
  });
  return Object.fromEntries(pairs);
}
