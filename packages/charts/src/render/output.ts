/** The texts that Helm makes of a render. */

import { pathMatcher } from '../chart/path-match.ts';
import { chartError } from '../errors.ts';
import { splitManifests } from './manifests.ts';
import type { RenderResult } from './types.ts';

/** The manifest as a release stores it: `---\n# Source: path\n…` for every object. */
export function manifestText(result: Pick<RenderResult, 'manifests'>): string {
  return result.manifests.map(({ path, text }) => document(path, text)).join('');
}

function document(path: string, text: string): string {
  return `---\n# Source: ${path}\n${text}\n`;
}

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
  const crds = options.includeCrds === true ? result.crds.map((crd) => document(crd.filename, crd.text)).join('') : '';
  const manifest = crds + manifestText(result);
  let output = `${(options.postRender?.(manifest) ?? manifest).trim()}\n`;
  if (options.noHooks !== true) {
    for (const hook of result.hooks) {
      if (options.skipTests === true && hook.events.includes('test')) continue;
      output += document(hook.path, hook.manifest);
    }
  }
  const { showOnly = [] } = options;
  return showOnly.length === 0 ? output : onlyShown(output, showOnly);
}

const sourcePattern = /# Source: [^/\n]+\/(.+)/;

function onlyShown(output: string, patterns: readonly string[]): string {
  const documents = splitManifests(output).map((text) => ({ text, path: sourcePattern.exec(text)?.[1] }));
  return patterns
    .flatMap((pattern) => {
      const matches = pathMatcher(pattern);
      const found = documents.filter(({ path }) => path !== undefined && matches?.(path) === true);
      if (found.length === 0) {
        throw chartError('TEMPLATE_NOT_FOUND', `could not find template ${pattern} in chart`, {
          next: 'name a path such as templates/deployment.yaml that writes something',
        });
      }
      return found.map(({ text }) => `---\n${text}\n`);
    })
    .join('');
}
