/** The texts that Helm makes of a render. */

import type { RenderResult } from './types.ts';

/** The manifest as a release stores it: `---\n# Source: path\n…` for every object. */
export function manifestText(_result: RenderResult): string {
  throw new Error('not yet');
}

export interface TemplateOutputOptions {
  readonly includeCrds?: boolean;
  readonly noHooks?: boolean;
  readonly skipTests?: boolean;
  /** Chart-relative template paths or patterns. */
  readonly showOnly?: readonly string[];
}

/** What `helm template` prints, byte for byte. Throws `TEMPLATE_NOT_FOUND` for a `showOnly` that names nothing. */
export function templateOutput(_result: RenderResult, _options: TemplateOutputOptions = {}): string {
  throw new Error('not yet');
}
