/** The relay's line to Towpath: its own standard input and output. */

import type { Duplex } from 'node:stream';
import type { RelayAnswer, RelayCommand, RelayPart } from './toolkit.ts';

/** When its input ends Towpath is gone, and the relay ends with it. */
export const channelPart: RelayPart = (kit) => {
  const { settings, childProcess } = kit;
  const waiting = new Map<number, (answer: RelayAnswer) => void>();
  let lastId = 0;
  let rest = '';

  kit.send = (message) => void process.stdout.write(`${JSON.stringify(message)}\n`);
  kit.ask = (question) =>
    new Promise((resolve) => {
      const id = ++lastId;
      waiting.set(id, resolve);
      kit.send({ id, ...question });
    });

  process.stdin.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString('utf8')).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const command = JSON.parse(line) as RelayCommand;
      if (command.op !== 'answer') {
        kit.onCommand(command);
        continue;
      }
      const settle = waiting.get(command.id);
      waiting.delete(command.id);
      settle?.(command);
    }
  });
  process.stdin.on('end', () => process.exit(0));

  kit.ip = (lines) =>
    new Promise((resolve) => {
      const child = childProcess.execFile(settings.ip, ['-force', '-batch', '-'], (error, _, stderr) => {
        resolve(error === null ? undefined : stderr.trim() || error.message);
      });
      child.stdin?.on('error', () => {});
      child.stdin?.end(`${lines.join('\n')}\n`);
    });

  kit.join = (left, right) => {
    couple(left, right);
    couple(right, left);
    left.pipe(right);
    right.pipe(left);
  };

  function couple(stream: Duplex, other: Duplex): void {
    stream.on('error', () => other.destroy());
    stream.on('close', () => {
      // After a clean end the pipe has already ended the other side, which may still be writing.
      if (!stream.readableEnded || !stream.writableFinished) other.destroy();
    });
    if (stream.destroyed) other.destroy();
  }
};
