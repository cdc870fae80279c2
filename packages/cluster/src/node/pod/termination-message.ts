/** What a container leaves to say why it ended: a file it writes or, when it failed without, the end of its log. */

import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CoreContainer } from '../core.ts';
import { readRecords } from '../logs/log-file.ts';
import type { PlannedMount } from '../runtimes/runtime.ts';

/** Source: Kubernetes pkg/kubelet/container, MaxContainerTerminationMessageLength and its like for logs. */
const maxFileBytes = 4096;
const maxLogBytes = 2048;
const maxLogLines = 80;
const defaultPath = '/dev/termination-log';

/** Makes the file in the container's folder, to be mounted at `terminationMessagePath`. */
export async function messageMount(container: CoreContainer, dir: string): Promise<PlannedMount[]> {
  const mountPath = container.terminationMessagePath ?? defaultPath;
  if (mountPath === '') return [];
  const hostPath = fileIn(dir);
  await writeFile(hostPath, '', { mode: 0o666 });
  return [{ mountPath, hostPath, readOnly: false }];
}

/** The message; undefined when there is none. `logPath` is of the run that has ended. */
export async function readMessage(
  container: CoreContainer,
  ended: { dir: string; logPath: string; exitCode: number },
): Promise<string | undefined> {
  const written = await firstBytes(fileIn(ended.dir));
  if (written !== '') return written;
  if (container.terminationMessagePolicy !== 'FallbackToLogsOnError' || ended.exitCode === 0) return undefined;
  const lines: string[] = [];
  for await (const { text, partial } of readRecords(ended.logPath)) {
    lines.push(partial ? text : `${text}\n`);
    if (lines.length > maxLogLines) lines.shift();
  }
  const bytes = Buffer.from(lines.join(''));
  return bytes.length === 0 ? undefined : bytes.subarray(-maxLogBytes).toString('utf8');
}

function fileIn(dir: string): string {
  return join(dir, 'termination-log');
}

async function firstBytes(path: string): Promise<string> {
  try {
    const file = await open(path, 'r');
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(maxFileBytes), 0, maxFileBytes, 0);
      return buffer.toString('utf8', 0, bytesRead);
    } finally {
      await file.close();
    }
  } catch {
    return '';
  }
}
