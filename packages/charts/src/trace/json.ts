/** The source map of a render as plain JSON data: for programs that show plans, explanations, differences. */

import type { RenderResult } from '../render/types.ts';
import type { IncludeStep, Place, RenderTrace, TemplateCoverage, ValueOrigin } from './types.ts';

/** One line of an object. */
export interface TracedLineData {
  /** From 1, in the object's text. */
  readonly line: number;
  readonly template: Place;
  readonly includes: readonly IncludeStep[];
  /** Paths whose origins stand in `TraceData.values`. */
  readonly values: readonly string[];
}

/** One object or hook, in the order of the result. */
export interface TracedObject {
  /** The template's path. */
  readonly path: string;
  readonly kind: string;
  readonly name: string;
  readonly isHook: boolean;
  readonly lines: readonly TracedLineData[];
}

/** What `traceToJson` gives. */
export interface TraceData {
  readonly objects: readonly TracedObject[];
  /** Who set each value that is shown somewhere, the winner first. */
  readonly values: Readonly<Record<string, readonly ValueOrigin[]>>;
  readonly coverage: readonly TemplateCoverage[];
  readonly unreadValues: readonly string[];
}

/** The origin of every line of every object. */
export function traceToJson(trace: RenderTrace, result: Pick<RenderResult, 'manifests' | 'hooks'>): TraceData {
  const values = new Map<string, readonly ValueOrigin[]>();
  const linesOf = (path: string, first: number, text: string): TracedLineData[] =>
    text.split('\n').flatMap((_content, index) => {
      const origin = trace.line(path, first + index);
      if (origin === undefined) return [];
      for (const read of origin.values) values.set(read.path, read.origins);
      const { template, includes } = origin;
      return [{ line: index + 1, template, includes, values: origin.values.map(({ path: key }) => key) }];
    });
  const manifests = result.manifests.map(({ path, line, kind, name, text }) => {
    return { path, kind, name, isHook: false, lines: linesOf(path, line, text) };
  });
  const hooks = result.hooks.map(({ path, line, kind, name, manifest }) => {
    return { path, kind, name, isHook: true, lines: linesOf(path, line, manifest) };
  });
  const { coverage, unreadValues } = trace;
  return { objects: [...manifests, ...hooks], values: Object.fromEntries(values), coverage, unreadValues };
}
