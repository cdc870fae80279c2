/** Runs all templates of a chart in Helm's order. Source: helm pkg/engine/engine.go, render. */

import { chartError, LimitError } from '../errors.ts';
import { warnEnd, warnStart } from '../functions/flow.ts';
import type { Services } from '../functions/row.ts';
import { compareStrings, fromBytes } from '../go/utf8.ts';
import { ExecError, isStackOverflow } from '../template/exec-error.ts';
import { ParseError } from '../template/parser.ts';
import { TemplateRun } from '../template/run.ts';
import { TemplateNames, type ParsedText, type TemplateCache } from '../template/templates.ts';
import type { Tracer } from '../trace/tracer.ts';
import { TracingRun } from '../trace/tracing-run.ts';
import { valuesView, type ScopedTemplate } from './scope.ts';

export interface TemplatesOptions {
  readonly cache: TemplateCache;
  readonly services: Services;
  readonly strict: boolean;
  readonly monotonicMs: () => number;
  /** Watches the templates; `cache` must be one for traced renders. */
  readonly tracer?: Tracer | undefined;
}

/** The text of every template that is no partial, by path, in the order they ran. Throws `RENDER_FAILED`, `RENDER_LIMIT`. */
export function runTemplates(
  templates: ReadonlyMap<string, ScopedTemplate>,
  options: TemplatesOptions,
): Map<string, string> {
  const { services, strict, monotonicMs, tracer } = options;
  const paths = [...templates.keys()].toSorted(compareDepth);
  const names = new TemplateNames(options.cache);
  for (const path of paths) {
    const template = templates.get(path);
    if (template === undefined) continue;
    const parsed = parseTemplateFile(options.cache, template);
    names.add(parsed);
    tracer?.trees.set(
      path,
      [...parsed.values()].map(({ tree }) => tree),
    );
  }
  const runOptions = { names, services, strict, monotonicMs };
  const run = tracer === undefined ? new TemplateRun(runOptions) : new TracingRun(runOptions, tracer);
  const rendered = new Map<string, string>();
  for (const path of paths) {
    const template = templates.get(path);
    if (template === undefined || isPartial(path)) continue;
    rendered.set(path, runOne(run, template));
  }
  return rendered;
}

/** Deepest first; in one depth by bytes, last first. */
function compareDepth(left: string, right: string): number {
  const depth = (path: string): number => path.split('/').length;
  return depth(right) - depth(left) || compareStrings(right, left);
}

function isPartial(path: string): boolean {
  return path.slice(path.lastIndexOf('/') + 1).startsWith('_');
}

function parseTemplateFile(cache: TemplateCache, template: ScopedTemplate): ParsedText {
  const { path, file } = template;
  try {
    return cache.file(file, path, () => fromBytes(file.data));
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    throw chartError('RENDER_FAILED', parseMessage(path, error.message), {
      next: `correct ${path}`,
      details: { at: { file: path, line: error.line, column: 1 }, problem: error.message.split(': ').at(-1) ?? '' },
      cause: error,
    });
  }
}

/** Source: helm pkg/engine, cleanupParseError. */
function parseMessage(path: string, message: string): string {
  const parts = message.split(': ');
  if (parts.length === 1) return `parse error in (${path}): ${message}`;
  return `parse error at (${parts[1] ?? ''}): ${parts.at(-1) ?? ''}`;
}

function runOne(run: TemplateRun, template: ScopedTemplate): string {
  const { path, scope } = template;
  const about = valuesView(
    new Map([
      ['Name', path],
      ['BasePath', template.basePath],
    ]),
  );
  scope.set('Template', about);
  try {
    return run.execute(path, valuesView(scope)).replaceAll('<no value>', '');
  } catch (error) {
    throw asChartError(path, error);
  }
}

function asChartError(path: string, error: unknown): Error {
  if (error instanceof LimitError) {
    return chartError('RENDER_LIMIT', `${path}: ${error.message}`, { next: 'look for an endless loop', cause: error });
  }
  if (isStackOverflow(error)) {
    const message = `${path}: templates are nested too deep`;
    return chartError('RENDER_LIMIT', message, { next: 'look for a template that includes itself', cause: error });
  }
  if (!(error instanceof ExecError)) return error instanceof Error ? error : new Error(String(error));
  return chartError('RENDER_FAILED', execMessage(error.message), { cause: error });
}

/** The text of required or fail with the outermost place, or the whole sentence. Source: helm pkg/engine, cleanupExecError. */
function execMessage(message: string): string {
  const start = message.indexOf(warnStart);
  const end = message.lastIndexOf(warnEnd);
  if (start < 0 || end < start) return message;
  const location = message.split(': ')[1] ?? '';
  return `execution error at (${location}): ${message.slice(start + warnStart.length, end)}`;
}
