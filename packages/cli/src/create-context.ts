/** Builds the context of the commands from the process: the only reader of process.env and process.cwd(). */

import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { codeOf, createLogger, messageOf, systemClock, systemRandom, TowpathError, type Logger } from '@towpath/kit';
import type { CliContext, ClientWithNamespace, Ready } from './context.ts';
import type { ConnectOptions } from './connect.ts';
import { version } from './version.ts';

/** The data folder when neither `--data` nor TOWPATH_DATA names one. */
export const defaultDataDir = '.towpath';

export interface ProcessParts {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly program: string;
  readonly signal: AbortSignal;
  readonly setExitCode: (code: number) => void;
  readonly connect: (options: ConnectOptions) => Promise<ClientWithNamespace>;
}

export function createContext(parts: ProcessParts): CliContext {
  const { env, cwd } = parts;
  const ready = (dataDir?: string): Promise<Ready | undefined> =>
    readReady(resolve(cwd, dataDir ?? env['TOWPATH_DATA'] ?? defaultDataDir));
  return {
    env,
    cwd,
    clock: systemClock,
    random: systemRandom,
    version,
    program: parts.program,
    signal: parts.signal,
    isTerminal: process.stdout.isTTY === true,
    log: lateLogger(() =>
      createLogger({
        level: env['TOWPATH_LOG'] === 'debug' ? 'debug' : 'info',
        write: (line) => process.stderr.write(line),
      }),
    ),
    stdout: (text) => process.stdout.write(text),
    stderr: (text) => process.stderr.write(text),
    exitCode: parts.setExitCode,
    ready,
    readStdin,
    client: (target = {}) => parts.connect({ target, env, cwd, ready }),
  };
}

/** A logger that is made when it first has something to say: most commands have nothing, and it is a large library. */
function lateLogger(create: () => Logger): Logger {
  let made: Logger | undefined;
  const logger = (): Logger => (made ??= create());
  return {
    debug: (message, fields) => logger().debug(message, fields),
    info: (message, fields) => logger().info(message, fields),
    warn: (message, fields) => logger().warn(message, fields),
    error: (message, fields) => logger().error(message, fields),
    child: (fields) => lateLogger(() => logger().child(fields)),
  };
}

async function readStdin(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(Buffer.from(chunk as Buffer));
  return Buffer.concat(chunks).toString('utf8');
}

async function readReady(dataDir: string): Promise<Ready | undefined> {
  const file = join(dataDir, 'ready.json');
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Ready;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw new TowpathError('READY_INVALID', `${file} cannot be read: ${messageOf(error)}`, {
      next: 'start Towpath again on that data folder',
      cause: error,
    });
  }
}
