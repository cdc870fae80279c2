/** Lines in the format of fluxd, which people grep: `ts=… caller=sync.go:540 method=Sync cmd=…`. */

import { logfmt, type Clock, type LogFields } from '@towpath/kit';

/** Writes one line; `caller` names the place in fluxd's source that wrote such a line. */
export type FluxLog = (caller: string, fields: LogFields) => void;

export function createFluxLog(print: (line: string) => void, clock: Clock): FluxLog {
  return (caller, fields) => print(logfmt({ ts: new Date(clock.nowMs()).toISOString(), caller, ...fields }));
}
