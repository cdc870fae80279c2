export * from './shared.ts';
export { pathMatcher } from './chart/path-match.ts';
export { lintChart, type LintMessage, type LintOptions } from './lint/lint.ts';
export { render, renderFiles, renderWithLookup } from './render/render.ts';
export type { RenderOptions } from './render/types.ts';
export * as goLibrary from './go-library.ts';
