/** A suite made of cases under real clients: its flags, its cases, its summary and its exit code. */

import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { environmentValue } from './environment.ts';
import type { Suite } from './suite.ts';

/** What the command line and the machine give a suite. */
export interface SuiteContext {
  readonly print: (line: string) => void;
  /** Only cases whose name contains this. */
  readonly only: string | undefined;
  /** Prints each case that passes, and what the tools printed. */
  readonly isVerbose: boolean;
  /** Where programs that are built on demand are kept, absolute. */
  readonly toolsFolder: string;
  /** Nothing is built or downloaded: what is not there yet is missing. */
  readonly isOffline: boolean;
}

/** A case that did not pass, and why in one sentence. */
export interface Remark {
  readonly name: string;
  readonly reason: string;
}

/** A suite whose cases go into a tally; it fails when one fails, unless its bar is reached. */
export interface ClientSuite {
  readonly name: string;
  readonly summary: string;
  /** True where the cases that passed are enough although others failed; absent, every failure fails the suite. */
  readonly isEnough?: (tally: Tally) => boolean;
  run(tally: Tally, context: SuiteContext): Promise<void>;
}

/** Collects the cases of a suite while it runs; each is in exactly one of the lists. */
export class Tally {
  readonly passed: string[] = [];
  readonly failed: Remark[] = [];
  /** A tool is missing. Skipped is not passed. */
  readonly skipped: Remark[] = [];

  readonly #context: SuiteContext;

  constructor(context: SuiteContext) {
    this.#context = context;
  }

  /** Runs one case, if the command line asks for it, and says at once how it went; a case fails by throwing. */
  async run(name: string, body: () => Promise<void>): Promise<void> {
    if (this.#context.only !== undefined && !name.includes(this.#context.only)) return;
    try {
      await body();
      this.pass(name);
    } catch (error) {
      this.fail(name, error instanceof Error ? error.message : String(error));
    }
  }

  pass(name: string): void {
    this.passed.push(name);
    if (this.#context.isVerbose) this.#context.print(`  passed  ${name}`);
  }

  fail(name: string, reason: string): void {
    this.failed.push({ name, reason });
    this.#context.print(`  FAILED  ${name}: ${reason}`);
  }

  skip(name: string, reason: string): void {
    this.skipped.push({ name, reason });
    this.#context.print(`  skipped ${name}: ${reason}`);
  }
}

/** The suite as the table of `main.ts` holds it. */
export function clientSuite(suite: ClientSuite): Suite {
  return {
    name: suite.name,
    summary: suite.summary,
    takes: ['--tools', '--offline', '--verbose', '--allow-missing'],
    async run(args, print) {
      const { values } = parseArgs({
        args: [...args],
        options: {
          only: { type: 'string' },
          tools: { type: 'string' },
          offline: { type: 'boolean' },
          verbose: { type: 'boolean' },
          'allow-missing': { type: 'boolean' },
        },
      });
      const context: SuiteContext = {
        print,
        only: values.only,
        isVerbose: values.verbose ?? false,
        isOffline: values.offline ?? false,
        toolsFolder: resolve(values.tools ?? environmentValue('TOWPATH_TOOLS') ?? defaultTools()),
      };
      const tally = new Tally(context);
      await suite.run(tally, context);
      const { passed, failed, skipped } = tally;
      print(`${suite.name}: ${passed.length} passed, ${failed.length} failed, ${skipped.length} skipped`);
      return {
        passed: passed.length,
        failed: failed.length,
        skipped: skipped.length,
        code: isPassed(suite, tally, values['allow-missing'] === true) ? 0 : 1,
      };
    },
  };
}

function isPassed(suite: ClientSuite, tally: Tally, mayMiss: boolean): boolean {
  const { passed, failed, skipped } = tally;
  if (skipped.length > 0 && !mayMiss) return false;
  if (passed.length + failed.length + skipped.length === 0) return false;
  return failed.length === 0 || suite.isEnough?.(tally) === true;
}

function defaultTools(): string {
  return join(homedir(), '.cache', 'towpath', 'tools');
}
