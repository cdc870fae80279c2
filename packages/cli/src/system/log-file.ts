/** The log of a running Towpath: a file in its data folder, errors on the terminal as well. */

import { appendFileSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createLogger, type Logger } from '@towpath/kit';

/** The file starts anew beyond this; the one before is kept as towpath.log.1. */
const maxBytes = 10 * 1024 * 1024;

/** Nothing is written, and the folder is not touched, before the first line. */
export function createLogFile(options: {
  dataDir: string;
  level: 'debug' | 'info';
  onError: (line: string) => void;
}): Logger {
  const file = join(options.dataDir, 'towpath.log');
  let sizeBytes: number | undefined;
  return createLogger({
    level: options.level,
    write(line) {
      if (line.includes('"level":"error"')) options.onError(line);
      sizeBytes ??= openedSize(options.dataDir, file);
      if (sizeBytes > maxBytes) {
        renameSync(file, `${file}.1`);
        sizeBytes = 0;
      }
      appendFileSync(file, line, { mode: 0o600 });
      sizeBytes += Buffer.byteLength(line);
    },
  });
}

function openedSize(dataDir: string, file: string): number {
  mkdirSync(dataDir, { recursive: true });
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}
