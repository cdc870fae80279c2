/** What a chart may use up: every limit has a reason and an error that names it. */

/** What one render may use up; past it the render ends with `RENDER_LIMIT`. */
export interface RenderLimits {
  /** The whole render; checked every 64 steps. */
  readonly timeMs: number;
  /** Characters written by all templates together: a loop that never ends must not fill the memory. */
  readonly outputChars: number;
  /** Characters of one text, or what a list takes instead: what one call makes is not there before it is counted. */
  readonly textChars: number;
  /** Nested include, template and tpl. Helm stops at 1000 of one name; JavaScript's own stack may end before. */
  readonly includeDepth: number;
  /** Nesting of a printed, encoded or copied value; a map that holds itself has no end. */
  readonly valueDepth: number;
}

/** The limits of a render that sets none. */
export const defaultRenderLimits: RenderLimits = {
  timeMs: 30_000,
  outputChars: 256 * 1024 * 1024,
  textChars: 32 * 1024 * 1024,
  includeDepth: 2000,
  valueDepth: 1000,
};

/** What one chart may hold; past it loading ends with `CHART_TOO_LARGE`. */
export interface LoadLimits {
  /** Of one file after decompression. Source: helm 3.19 pkg/chart/loader/archive, MaxDecompressedFileSize. */
  readonly fileBytes: number;
  /** Of the chart after decompression. Source: the same, MaxDecompressedChartSize. */
  readonly chartBytes: number;
  readonly files: number;
  /** Archives within archives. */
  readonly depth: number;
}

/** The limits of a load that sets none. */
export const defaultLoadLimits: LoadLimits = {
  fileBytes: 5 * 1024 * 1024,
  chartBytes: 100 * 1024 * 1024,
  files: 20_000,
  depth: 32,
};
