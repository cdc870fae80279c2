/** Logging: a constant message plus fields. The writer and the format are given, never global. */

import { pino, type BaseLogger } from 'pino';
import { messageOf } from './errors.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type LogFields = Readonly<Record<string, unknown>>;

/** error = someone must act; info = state changed; debug = why. Never values, tokens or whole objects. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger that adds `fields` to every line. */
  child(fields: LogFields): Logger;
}

export interface LoggerOptions {
  readonly level: LogLevel;
  /** Receives whole lines, newline included. */
  readonly write: (line: string) => void;
}

/** A JSON-lines logger (pino) that writes to `options.write`. */
export function createLogger(options: LoggerOptions): Logger {
  const root = pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: options.write },
  );
  return wrap(root);
}

type Sink = Pick<BaseLogger, LogLevel> & { child(bindings: Record<string, unknown>): Sink };

function wrap(inner: Sink): Logger {
  return {
    debug: (message, fields) => inner.debug(plain(fields), message),
    info: (message, fields) => inner.info(plain(fields), message),
    warn: (message, fields) => inner.warn(plain(fields), message),
    error: (message, fields) => inner.error(plain(fields), message),
    child: (fields) => wrap(inner.child(plain(fields))),
  };
}

function plain(fields: LogFields | undefined): Record<string, unknown> {
  if (fields === undefined) return {};
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [key, value instanceof Error ? messageOf(value) : value]),
  );
}

/** Drops everything. */
export const silentLogger: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silentLogger,
};

/** One logfmt line without newline, as the Go tools write it: `key=value key="two words"`. */
export function logfmt(fields: LogFields): string {
  return Object.entries(fields)
    .map(([key, value]) => `${key}=${logfmtValue(value)}`)
    .join(' ');
}

function logfmtValue(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
  return text === '' || /[\s="\\]|[^\x20-\x7e]/.test(text) ? JSON.stringify(text) : text;
}
