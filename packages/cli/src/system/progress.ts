/** What a person sees while Towpath starts: one line a stage, with its time. */

import type { Clock } from '@towpath/kit';

export interface Progress {
  /** A stage is done. */
  done(stage: string, detail: string): void;
  /** Something worth saying that is no stage. */
  say(line: string): void;
}

export function createProgress(options: { clock: Clock; write: (text: string) => void }): Progress {
  const startedAtMs = options.clock.monotonicMs();
  return {
    done(stage, detail) {
      const seconds = ((options.clock.monotonicMs() - startedAtMs) / 1000).toFixed(1).padStart(5);
      options.write(`${seconds} s  ${stage.padEnd(11)} ${detail}\n`);
    },
    say: (line) => options.write(`${line}\n`),
  };
}
