/** JSON log lines with the keys the shop's services share. */

export type Severity = 'DEBUG' | 'INFO' | 'WARNING' | 'ERROR';

/** Writes one line to standard output. Never pass card numbers or whole requests. */
export function log(severity: Severity, message: string, fields: Record<string, unknown> = {}): void {
  const line = { timestamp: new Date().toISOString(), severity, message, ...fields };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
