/** Which commands quick.ts has: asked before it is loaded. */

const names = ['template'] as const;

export type QuickCommand = (typeof names)[number];

/** Standard input can be read once only: what reads it is left to the program that is sure to end the command. */
export function isQuick(args: readonly string[]): boolean {
  const [first] = args;
  return names.some((name) => name === first) && !args.includes('-');
}
