/** A text of its own as a Go template with sprig's hermetic functions: commit messages, not charts. */

import { seededRandom } from '@towpath/kit';
import { FunctionError } from '../errors.ts';
import { functions } from '../functions/index.ts';
import type { Services } from '../functions/row.ts';
import { defaultRenderLimits } from '../limits.ts';
import { isStackOverflow } from './exec-error.ts';
import { parseTemplate } from './parser.ts';
import { TemplateRun } from './run.ts';
import { TemplateCache, TemplateNames } from './templates.ts';

export interface TextTemplateOptions {
  /** Named in errors. */
  readonly name: string;
  readonly text: string;
  readonly data: unknown;
  readonly monotonicMs: () => number;
}

/** Sprig's that depend on when or where they run, and Helm's own. Source: Masterminds/sprig, functions.go. */
const left = new Set(
  (
    'date date_in_zone date_modify now htmlDate htmlDateInZone dateInZone dateModify randAlphaNum randAlpha randAscii ' +
    'randNumeric randBytes uuidv4 env expandenv getHostByName include tpl required lookup toYaml mustToYaml ' +
    'toYamlPretty fromYaml fromYamlArray fromJsonArray toToml mustToToml fromToml'
  ).split(' '),
);
const hermetic = new Map([...functions].filter(([name]) => !left.has(name)));
const limits = { ...defaultRenderLimits, timeMs: 5_000, outputChars: 1024 * 1024, textChars: 1024 * 1024 };

/** `parse` when the text is no template, `run` when it failed with this data. */
export class TextTemplateError extends Error {
  override readonly name = 'TextTemplateError';
  readonly stage: 'parse' | 'run';

  constructor(stage: 'parse' | 'run', cause: unknown) {
    const isDeep = isStackOverflow(cause);
    super(isDeep ? 'the template is nested too deep' : cause instanceof Error ? cause.message : String(cause), {
      cause,
    });
    this.stage = stage;
  }
}

/** The text it writes; what has no value is `<no value>`. Throws `TextTemplateError` with Go's sentence. */
export function renderText({ name, text, data, monotonicMs }: TextTemplateOptions): string {
  const names = new TemplateNames(new TemplateCache(hermetic));
  try {
    const trees = parseTemplate({ name, text }, (word) => hermetic.has(word));
    names.add(new Map([...trees].map(([key, tree]) => [key, { tree, program: undefined }])));
  } catch (error) {
    throw new TextTemplateError('parse', error);
  }
  const services: Services = {
    nowMs: () => 0,
    random: seededRandom(0),
    limits,
    lint: false,
    warn: () => {},
    lookup: () => undefined,
  };
  try {
    return new TemplateRun({ names, services, strict: false, monotonicMs }).execute(name, data);
  } catch (error) {
    // An empty template defines nothing.
    if (error instanceof FunctionError && text.trim() === '') return text;
    throw new TextTemplateError('run', error);
  }
}
