/** Dockerfile → instructions; what this builder does not do is refused with FILE:LINE. */

import {
  DockerfileParser,
  type ModifiableInstruction,
  type PropertyInstruction,
  type Instruction as AstInstruction,
} from 'dockerfile-ast';
import { pipelineError } from '../errors.ts';

interface Pair {
  readonly name: string;
  /** Undefined only for `ARG NAME`. */
  readonly value: string | undefined;
}

/** Arguments are as written: variables are expanded when the image is built. */
export type Instruction = { readonly text: string; readonly where: string } & (
  | { readonly keyword: 'FROM'; readonly image: string }
  | { readonly keyword: 'ARG' | 'ENV' | 'LABEL'; readonly pairs: readonly Pair[] }
  | {
      readonly keyword: 'COPY';
      readonly sources: readonly string[];
      readonly target: string;
      readonly mode: number | undefined;
    }
  | { readonly keyword: 'ENTRYPOINT' | 'CMD'; readonly words: readonly string[] }
  | { readonly keyword: 'WORKDIR' | 'USER' | 'STOPSIGNAL'; readonly value: string }
  | { readonly keyword: 'EXPOSE' | 'VOLUME'; readonly values: readonly string[] }
);

const refusedKeywords: Readonly<Record<string, string>> = {
  RUN: 'commands are not run while an image is built; run them before (npm ci, a bundler) and COPY the result',
  ADD: 'use COPY for files of the build context',
  HEALTHCHECK: 'use a readiness or liveness probe of the pod',
  SHELL: 'use the exec form of ENTRYPOINT and CMD',
  ONBUILD: 'write the instructions into the Dockerfile itself',
  MAINTAINER: 'use LABEL org.opencontainers.image.authors',
};

const maxInstructions = 500;

/** Throws `DOCKERFILE_INVALID` or `DOCKERFILE_UNSUPPORTED`. */
export function parseDockerfile(text: string, file: string): Instruction[] {
  const parsed = DockerfileParser.parse(text.replaceAll('\r\n', '\n')).getInstructions();
  if (parsed.length > maxInstructions) throw invalid(file, `it has more than ${maxInstructions} instructions`);
  const instructions = parsed.map((instruction) => convert(instruction, file));
  const first = instructions.find((instruction) => instruction.keyword !== 'ARG');
  if (first?.keyword !== 'FROM') throw invalid(first?.where ?? file, 'the first instruction must be FROM');
  const stages = instructions.filter((instruction) => instruction.keyword === 'FROM');
  if (stages[1] !== undefined)
    throw unsupported(stages[1].where, 'FROM', 'one stage only: build the parts before and COPY the result');
  return instructions;
}

function convert(instruction: AstInstruction, file: string): Instruction {
  const keyword = instruction.getKeyword();
  const where = `${file}:${instruction.getRange().start.line + 1}`;
  const args = (instruction.getArgumentsContent() ?? '').trim();
  const flags = flagsOf(instruction);
  const text = [keyword, ...flags.map(({ name, value }) => `--${name}${value === '' ? '' : `=${value}`}`), args].join(
    ' ',
  );
  const base = { text, where };
  const because = refusedKeywords[keyword];
  if (because !== undefined) throw unsupported(where, keyword, because);
  if (args === '') throw invalid(where, `${keyword} needs an argument`);
  if (/^<<-?["']?[A-Za-z]/.test(args)) throw unsupported(where, keyword, 'here-documents are not supported');
  switch (keyword) {
    case 'FROM':
      return { ...base, keyword, image: imageOf(args, { where, flags }) };
    case 'ARG':
    case 'ENV':
    case 'LABEL':
      return { ...base, keyword, pairs: pairsOf(instruction, { where, keyword }) };
    case 'COPY':
      return { ...base, keyword, ...copyOf(args, { where, flags }) };
    case 'ENTRYPOINT':
    case 'CMD':
      return { ...base, keyword, words: jsonWords(args) ?? ['/bin/sh', '-c', args] };
    case 'WORKDIR':
    case 'USER':
    case 'STOPSIGNAL':
      return { ...base, keyword, value: unquote(args) };
    case 'EXPOSE':
    case 'VOLUME':
      return { ...base, keyword, values: jsonWords(args) ?? args.split(/\s+/).map(unquote) };
    default:
      throw invalid(where, `${keyword} is no instruction`);
  }
}

interface Flag {
  readonly name: string;
  readonly value: string;
}

/** The parser keeps flags apart from the arguments. */
function flagsOf(instruction: AstInstruction): Flag[] {
  if (!('getFlags' in instruction)) return [];
  const flags = (instruction as ModifiableInstruction).getFlags();
  return flags.map((flag) => ({ name: flag.getName(), value: flag.getValue() ?? '' }));
}

interface Place {
  readonly where: string;
  readonly flags: readonly Flag[];
}

function imageOf(args: string, { where, flags }: Place): string {
  const words = args.split(/\s+/);
  const flag = flags[0]?.name ?? words.find((word) => word.startsWith('--'))?.slice(2);
  if (flag !== undefined) {
    throw unsupported(where, `FROM --${flag}`, "images are built for this machine's platform; leave it out");
  }
  const [image = '', as, name, ...rest] = words;
  if (rest.length > 0 || (as !== undefined && (as.toUpperCase() !== 'AS' || name === undefined))) {
    throw invalid(where, 'FROM must be FROM IMAGE or FROM IMAGE AS NAME');
  }
  return image;
}

function pairsOf(instruction: AstInstruction, at: { where: string; keyword: string }): Pair[] {
  // ARG, ENV and LABEL are property instructions in the parser.
  const properties = (instruction as PropertyInstruction).getProperties();
  const pairs = properties.map((property) => ({ name: property.getName(), value: property.getValue() ?? undefined }));
  const bad = pairs.find((pair) => pair.name === '' || (at.keyword !== 'ARG' && pair.value === undefined));
  if (bad !== undefined || pairs.length === 0) throw invalid(at.where, `${at.keyword} must be NAME=value`);
  return pairs;
}

/** Sources and target, as words or as a JSON list. */
function copyOf(
  args: string,
  { where, flags }: Place,
): { sources: string[]; target: string; mode: number | undefined } {
  let mode: number | undefined;
  for (const { name, value } of flags) {
    if (name === 'chmod' && /^[0-7]{3,4}$/.test(value)) mode = Number.parseInt(value, 8);
    else if (name !== 'link') throw unsupported(where, `COPY --${name}`, copyFlagNext(name));
  }
  const words = jsonWords(args) ?? args.split(/\s+/).map(unquote);
  const target = words.at(-1);
  if (words.length < 2 || target === undefined) throw invalid(where, 'COPY needs a source and a target');
  return { sources: words.slice(0, -1), target, mode };
}

function copyFlagNext(name: string): string {
  if (name === 'chown') return 'files belong to root and are readable by all; leave it out';
  if (name === 'from') return 'one stage only: build the parts before and COPY the result';
  if (name === 'chmod') return 'write an octal mode such as 755';
  return 'leave it out';
}

/** `["a", "b"]`; undefined for any other form, which Docker takes for the shell form. */
function jsonWords(args: string): string[] | undefined {
  if (!args.startsWith('[')) return undefined;
  try {
    const value: unknown = JSON.parse(args);
    return Array.isArray(value) && value.every((word) => typeof word === 'string') ? value : undefined;
  } catch {
    return undefined;
  }
}

function unquote(word: string): string {
  const match = /^(["'])(.*)\1$/s.exec(word);
  return match?.[2] ?? word;
}

function invalid(where: string, because: string): Error {
  return pipelineError('DOCKERFILE_INVALID', `${where}: ${because}`, { next: 'correct the Dockerfile' });
}

function unsupported(where: string, keyword: string, because: string): Error {
  return pipelineError('DOCKERFILE_UNSUPPORTED', `${where}: ${keyword} is not supported: ${because}`, {
    next: 'change the Dockerfile, or build with docker, podman or buildah and push the image',
  });
}

/**
 * `$NAME`, `${NAME}`, `${NAME:-default}` and `${NAME:+other}`; `\$` is a dollar.
 * Source: Dockerfile reference, "Environment replacement".
 */
export function expandDockerVariables(text: string, valueOf: (name: string) => string | undefined): string {
  return text.replace(
    /\\\$|\$\{([A-Za-z_]\w*)(?::([-+])([^}]*))?\}|\$([A-Za-z_]\w*)/g,
    (whole: string, braced?: string, operator?: string, word?: string, plain?: string) => {
      if (whole === '\\$') return '$';
      const value = valueOf(braced ?? plain ?? '');
      const isSet = value !== undefined && value !== '';
      if (operator === '-') return isSet ? value : (word ?? '');
      if (operator === '+') return isSet ? (word ?? '') : '';
      return value ?? '';
    },
  );
}
