/** Lines in the format of fluxd, which people grep: `ts=… caller=sync.go:540 method=Sync cmd=…`. */

import { logfmt, type Clock, type LogFields } from '@towpath/kit';

/** Writes one line; `caller` names the place in fluxd's source that wrote such a line. */
export type FluxLog = (caller: string, fields: LogFields) => void;

export function createFluxLog(print: (line: string) => void, clock: Clock): FluxLog {
  return (caller, fields) => print(logfmt({ ts: new Date(clock.nowMs()).toISOString(), caller, ...fields }));
}

/** A duration as Go prints it: `812.4ms`, `1.25s`, `1m2.5s`. */
export function goDuration(durationMs: number): string {
  if (durationMs < 1) return `${trim(durationMs * 1000)}µs`;
  if (durationMs < 1000) return `${trim(durationMs)}ms`;
  const minutes = Math.floor(durationMs / 60_000);
  const seconds = `${trim((durationMs % 60_000) / 1000)}s`;
  if (minutes === 0) return seconds;
  const hours = Math.floor(minutes / 60);
  return hours === 0 ? `${minutes}m${seconds}` : `${hours}h${minutes % 60}m${seconds}`;
}

function trim(value: number): string {
  return String(Number(value.toFixed(3)));
}
