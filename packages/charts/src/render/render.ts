/** Renders a chart: values, dependencies, templates, then manifests apart from hooks and notes. */

import type { UnknownRecord } from '@towpath/kit';
import type { LookupRequest, RenderOptions, RenderResult } from './types.ts';

/**
 * Renders as `helm template|install|upgrade` does. The message of what is thrown is Helm's sentence:
 * `RENDER_FAILED` (template), `MANIFEST_INVALID` (output that is not YAML), `VALUES_INVALID`, `VALUES_SCHEMA`,
 * `CHART_INVALID` (missing dependencies, kubeVersion), `RENDER_LIMIT`.
 */
export function render(_options: RenderOptions): RenderResult {
  throw new Error('not yet');
}

/** `render` with a lookup that must be awaited: renders again each time an answer is still missing. */
export async function renderWithLookup(
  _options: Omit<RenderOptions, 'lookup'>,
  _lookup: (request: LookupRequest) => Promise<UnknownRecord | undefined>,
): Promise<RenderResult> {
  throw new Error('not yet');
}
