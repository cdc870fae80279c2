/** Parsed templates of loaded charts: what a chart's unchanging bytes parse to is worked out once. */

import type { Chart } from '../chart/types.ts';
import { functions } from '../functions/index.ts';
import { TemplateCache } from '../template/templates.ts';
import { TracingCompiler } from '../trace/tracing-compiler.ts';
import { tracingFunctions } from '../trace/tracing-functions.ts';

// Keyed by the chart itself, so that it goes when the chart goes.
const caches = new WeakMap<Chart, TemplateCache>();

const tracingCaches = new WeakMap<Chart, TemplateCache>();

/** The cache for traced renders: their programs are others. */
export function tracingCacheOf(chart: Chart): TemplateCache {
  const known = tracingCaches.get(chart);
  if (known !== undefined) return known;
  const cache = new TemplateCache(tracingFunctions(), (rows) => new TracingCompiler(rows));
  tracingCaches.set(chart, cache);
  return cache;
}

/** The chart's own cache; its dependencies' templates are kept with it. */
export function templateCacheOf(chart: Chart): TemplateCache {
  const known = caches.get(chart);
  if (known !== undefined) return known;
  const cache = new TemplateCache(functions);
  caches.set(chart, cache);
  return cache;
}
