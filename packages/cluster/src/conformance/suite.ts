/** What a campaign of `npm run conformance -- cluster` is. */

/** How a suite went; skipped is not passed. */
export interface SuiteResult {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** 1 when anything failed that the suite's bar does not allow, or a tool it needs is missing. */
  readonly code: number;
}

export interface Suite {
  readonly name: string;
  /** One line for the usage. */
  readonly summary: string;
  /** Flags it understands, of those given to all suites at once. */
  readonly takes?: readonly string[];
  /** Prints what it found. */
  run(args: readonly string[], print: (line: string) => void): Promise<SuiteResult>;
}
