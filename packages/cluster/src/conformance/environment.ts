/** The one door of the conformance campaign to the environment of this process. */

/** This process's environment with some variables set, for programs that are started. */
export function withEnvironment(extra: Readonly<Record<string, string>>): Record<string, string> {
  const own = Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return { ...Object.fromEntries(own), ...extra };
}

/** One variable of this process. */
export function environmentValue(name: string): string | undefined {
  return process.env[name];
}
