/** An engine that runs beside the benchmark and answers line by line. */

import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';

/** Renders the chart of a folder again and again for about so long. */
export interface EngineRequest {
  readonly folder: string;
  readonly budgetMs: number;
  readonly clock: EngineClock;
}

/** `cpu` is the time of all threads: other programs on the machine do not disturb it. */
export type EngineClock = 'wall' | 'cpu';

/** Milliseconds of each turn: of a chart that is loaded, and with reading and parsing its files. */
export interface EngineAnswer {
  readonly renderMs: readonly number[];
  readonly wholeMs: readonly number[];
  readonly error?: string;
  /** Of what `template` prints; told by this engine only, as is the next. */
  readonly outputChars?: number;
  /** Keys, certificates or bcrypt hashes are made on the way: their time is not the engine's. */
  readonly makesKeys?: boolean;
}

/** How one run of a program ended. */
export interface LaunchAnswer {
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly peakMiB: number;
  readonly error?: string;
}

/** Without what makes every start of Node slower: reading more certificates takes longer than starting. */
function plainEnvironment(): NodeJS.ProcessEnv {
  const { NODE_EXTRA_CA_CERTS: _certificates, NODE_OPTIONS: _options, ...others } = process.env;
  return others;
}

/** A process that answers each line of JSON with one. */
export interface Companion<Request, Answer> {
  ask(request: Request): Promise<Answer>;
  dispose(): void;
}

export function startCompanion<Request, Answer>(
  command: string,
  args: readonly string[] = [],
): Companion<Request, Answer> {
  const child: ChildProcess = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'], env: plainEnvironment() });
  const { stdin, stdout } = child;
  if (stdin === null || stdout === null) throw new Error(`${command} has no pipes`);
  const lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
  return {
    ask: async (request) => {
      stdin.write(`${JSON.stringify(request)}\n`);
      const { value, done } = await lines.next();
      if (done === true) throw new Error(`${command} ended without an answer`);
      return JSON.parse(value) as Answer;
    },
    dispose: () => void stdin.end(),
  };
}
