/** What a traced render knows about its output: where each line was written and where its data came from. */

import type { TemplateOutputOptions } from '../render/output.ts';

/** A place in a text: lines and columns begin at 1. */
export interface Place {
  /** A template such as `shop/templates/deployment.yaml`, or a values file as the caller named it. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** One level of the include stack, outermost first. */
export interface IncludeStep {
  /** The name given to `include` or `template`; `tpl` for a text that was a value. */
  readonly name: string;
  /** Where it was called. */
  readonly at: Place;
}

/** Who set a value. */
export interface ValueOrigin {
  /** `chart` is a chart's values.yaml; `file` a `--values` file or an object's values; `flag` is `--set…`; `import` is import-values. */
  readonly kind: 'chart' | 'file' | 'flag' | 'import';
  /** `shop/values.yaml`, the name of the file or object, or the flag as it was written. */
  readonly source: string;
  /** In the source's text; undefined for flags and JSON data. */
  readonly at: Place | undefined;
  /** The value is null there, or a table above it is: it deletes what those below set. */
  readonly isNull?: true;
}

/** A value that was read for a line. */
export interface ValueRead {
  /** From the root chart's values: `redis.image.tag`; keys that are no plain words are quoted: `annotations."a.b/c"`, `list[0]`. */
  readonly path: string;
  /** Who set it, the winner first, then those it overrode; empty when nobody did. */
  readonly origins: readonly ValueOrigin[];
}

/** Where one line of output came from. */
export interface LineOrigin {
  /** The template text or action that wrote it; for the text of `tpl` the place that called it. */
  readonly template: Place;
  readonly includes: readonly IncludeStep[];
  readonly values: readonly ValueRead[];
}

/** A part of a template that can run or not: an action, a text, a control structure. */
export interface CoverageUnit {
  readonly line: number;
  readonly lastLine: number;
  readonly ran: boolean;
}

/** How much of one template was run. */
export interface TemplateCoverage {
  readonly template: string;
  /** Actions and texts that ran, of all there are. */
  readonly ran: number;
  readonly total: number;
  /** Lines with branches or bodies that never ran. */
  readonly missedLines: readonly number[];
  /** In the order of the text: the same list for every render of the chart, so that renders can be added up. */
  readonly units: readonly CoverageUnit[];
}

/** Kept by a render with `trace: true`. */
export interface RenderTrace {
  /** The origin of a line (from 1) of a rendered template's file as in `RenderResult.files`. */
  line(file: string, line: number): LineOrigin | undefined;
  /** The origin of a line (from 1) of `templateOutput` with the same options; undefined for `---`, `# Source` and CRDs, and after a `postRender`. */
  outputLine(line: number, options?: TemplateOutputOptions): LineOrigin | undefined;
  readonly coverage: readonly TemplateCoverage[];
  /** Paths of values that were set and never read. */
  readonly unreadValues: readonly string[];
  /** Who set the value at a path such as `image.tag`, the winner first. */
  origins(path: string): readonly ValueOrigin[];
}

/** `TowpathError.details` of a failed render: as much as is known, plain JSON data. */
export interface RenderFailure {
  /** In the chart: the template, or the values file. */
  readonly at?: Place;
  /** The action or operand that failed, as the template language writes it. */
  readonly expression?: string;
  /** What went wrong, without its places. */
  readonly problem?: string;
  /** The values that were read there, the last one first. */
  readonly values?: readonly ValueRead[];
  readonly includes?: readonly IncludeStep[];
  /** `MANIFEST_INVALID`: the rendered text around the line that is no YAML. */
  readonly rendered?: RenderedExcerpt;
  /** `VALUES_SCHEMA`: each value that is not as the schema wants it. */
  readonly schema?: readonly SchemaFailure[];
}

/** A piece of rendered text. */
export interface RenderedExcerpt {
  /** The template that wrote it. */
  readonly file: string;
  /** The line that is wrong, from 1 in the rendered file. */
  readonly line: number;
  /** That line with its neighbours. */
  readonly lines: readonly { readonly line: number; readonly text: string }[];
  readonly origin?: LineOrigin;
}

/** A value that its schema refuses. */
export interface SchemaFailure {
  /** From the root chart's values. */
  readonly path: string;
  readonly chart: string;
  readonly problem: string;
  /** The value, shortened; absent where a value is missing. */
  readonly value?: string;
  readonly origins: readonly ValueOrigin[];
}
