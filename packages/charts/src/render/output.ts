/** The texts that Helm makes of a render. */

import { pathMatcher } from '../chart/path-match.ts';
import { chartError } from '../errors.ts';
import { splitDocuments, type ManifestDocument } from './manifests.ts';
import type { FileLine } from '../trace/render-trace.ts';
import type { RenderedHook, RenderResult } from './types.ts';

/** The manifest as a release stores it: `---\n# Source: path\n…` for every object. */
export function manifestText(result: Pick<RenderResult, 'manifests'>): string {
  return result.manifests.map(({ path, text }) => document(path, text)).join('');
}

function document(path: string, text: string): string {
  return `---\n# Source: ${path}\n${text}\n`;
}

/** The flags of `helm template` that choose what is printed. */
export interface TemplateOutputOptions {
  readonly includeCrds?: boolean;
  readonly noHooks?: boolean;
  readonly skipTests?: boolean;
  /** Chart-relative template paths or patterns. */
  readonly showOnly?: readonly string[];
  /** Changes the manifest, hooks apart: what `--post-renderer` does. */
  readonly postRender?: (manifest: string) => string;
}

/** What `helm template` prints, byte for byte. Throws `TEMPLATE_NOT_FOUND` for a `showOnly` that names nothing. */
export function templateOutput(result: RenderResult, options: TemplateOutputOptions = {}): string {
  const output = wholeOutput(result, options);
  const { showOnly = [] } = options;
  if (showOnly.length === 0) return output;
  return shownDocuments(output, showOnly)
    .map(({ text }) => `---\n${text}\n`)
    .join('');
}

function wholeOutput(result: OutputParts, options: TemplateOutputOptions): string {
  const crds = options.includeCrds === true ? result.crds.map((crd) => document(crd.filename, crd.text)).join('') : '';
  const hooks = shownHooks(result, options).map((hook) => document(hook.path, hook.manifest));
  const manifest = crds + manifestText(result);
  return `${(options.postRender?.(manifest) ?? manifest).trim()}\n${hooks.join('')}`;
}

type OutputParts = Pick<RenderResult, 'crds' | 'manifests' | 'hooks'>;

function shownHooks(result: OutputParts, options: TemplateOutputOptions): readonly RenderedHook[] {
  if (options.noHooks === true) return [];
  return result.hooks.filter(({ events }) => options.skipTests !== true || !events.includes('test'));
}

const sourcePattern = /# Source: [^/\n]+\/(.+)/;

function shownDocuments(output: string, patterns: readonly string[]): ManifestDocument[] {
  const documents = splitDocuments(output).map((part) => ({ part, path: sourcePattern.exec(part.text)?.[1] }));
  return patterns.flatMap((pattern) => {
    const matches = pathMatcher(pattern);
    const found = documents.filter(({ path }) => path !== undefined && matches?.(path) === true);
    if (found.length === 0) {
      throw chartError('TEMPLATE_NOT_FOUND', `could not find template ${pattern} in chart`, {
        next: 'name a path such as templates/deployment.yaml that writes something',
      });
    }
    return found.map(({ part }) => part);
  });
}

/** Which line of which rendered file each line of `templateOutput` is; undefined where it is of none. */
export function outputLines(result: OutputParts, options: TemplateOutputOptions): (FileLine | undefined)[] {
  const whole = wholeOutput(result, options);
  const lines: (FileLine | undefined)[] = [];
  const add = (text: string, place: FileLine | undefined): void => {
    lines.push(undefined, undefined);
    const count = lineCount(text);
    for (let line = 0; line < count; line += 1) lines.push(place && { file: place.file, line: place.line + line });
  };
  if (options.includeCrds === true) for (const crd of result.crds) add(crd.text, undefined);
  for (const { text, path, line } of result.manifests) add(text, { file: path, line });
  // What `trim` takes away at the end, and the empty line that is left of nothing.
  const hooks = shownHooks(result, options);
  lines.length = lineCount(whole) - 1 - hooks.reduce((sum, { manifest }) => sum + 2 + lineCount(manifest), 0);
  for (const { manifest, path, line } of hooks) add(manifest, { file: path, line });
  const { showOnly = [] } = options;
  if (showOnly.length === 0) return lines;
  return shownDocuments(whole, showOnly).flatMap(({ text, start }) => {
    const first = lineCount(whole.slice(0, start)) - 1;
    return [undefined, ...lines.slice(first, first + lineCount(text))];
  });
}

function lineCount(text: string): number {
  return text.split('\n').length;
}
