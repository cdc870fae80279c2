/** What a campaign of `npm run conformance -- cluster` is. */

export interface Suite {
  readonly name: string;
  /** One line for the usage. */
  readonly summary: string;
  /** Prints what it found; the exit code, 1 when anything failed or a tool it needs is missing. */
  run(args: readonly string[], print: (line: string) => void): Promise<number>;
}
