/** Tells users (Events) and operators (log lines) the same sentence. */

import type { KubeObject } from '@towpath/api';
import type { Clock } from '@towpath/kit';
import type { Recorder } from '@towpath/runtime';

export interface Narrator {
  /** Event Normal, log level info. */
  info(canary: KubeObject, message: string): Promise<void>;
  /** Event Warning, log level info: Flagger logs its warnings so. */
  warn(canary: KubeObject, message: string): Promise<void>;
  /** Event Warning, log level error. */
  error(canary: KubeObject, message: string): Promise<void>;
  /** Event Warning with a reason of its own. */
  reason(canary: KubeObject, reason: string, message: string): Promise<void>;
  /** Only a log line. */
  log(level: 'info' | 'error' | 'debug', message: string, canary?: KubeObject): void;
}

export interface NarratorOptions {
  readonly recorder: Recorder;
  readonly clock: Clock;
  /** Receives whole lines, without newline. */
  readonly print: (line: string) => void;
}

/** Every Event of Flagger has this reason. */
const eventReason = 'Synced';

/** Log lines are zap's JSON: level, ts, caller, msg, canary. */
export function createNarrator({ recorder, clock, print }: NarratorOptions): Narrator {
  const line = (level: string, message: string, canary?: KubeObject): void => {
    const ts = new Date(clock.nowMs()).toISOString();
    const caller = level === 'error' ? 'controller/events.go:39' : 'controller/events.go:33';
    const about = canary && { canary: `${canary.metadata.name}.${canary.metadata.namespace ?? ''}` };
    print(JSON.stringify({ level, ts, caller, msg: message, ...about }));
  };
  const event = (canary: KubeObject, type: 'Normal' | 'Warning', reason: string, message: string): Promise<void> => {
    return recorder.event(canary, { type, reason, message });
  };
  return {
    async info(canary, message) {
      line('info', message, canary);
      await event(canary, 'Normal', eventReason, message);
    },
    async warn(canary, message) {
      line('info', message, canary);
      await event(canary, 'Warning', eventReason, message);
    },
    async error(canary, message) {
      line('error', message, canary);
      await event(canary, 'Warning', eventReason, message);
    },
    async reason(canary, reason, message) {
      line('info', message, canary);
      await event(canary, 'Warning', reason, message);
    },
    log: line,
  };
}
