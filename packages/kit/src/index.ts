export { assert, AssertionError, present, unreachable } from './assert.ts';
export { backoffMs, jitter, type BackoffOptions } from './backoff.ts';
export { background } from './background.ts';
export { systemTime, toTimestamp, type Clock, type Time, type Timer } from './clock.ts';
export { Disposer, type Disposable } from './disposer.ts';
export { codeOf, isAbort, messageOf, TowpathError, type TowpathErrorOptions } from './errors.ts';
export { goDurationText, parseGoDuration } from './go-duration.ts';
export { getIn, isRecord, jsonEqual, type Json, type JsonObject, type UnknownRecord } from './json.ts';
export {
  createLogger,
  logfmt,
  silentLogger,
  type LogFields,
  type Logger,
  type LoggerOptions,
  type LogLevel,
} from './log.ts';
export { AsyncQueue } from './queue.ts';
export { pooledRandom, randomSuffix, seededRandom, systemRandom, uuid, type Random } from './random.ts';
export { systemClock } from './system-clock.ts';
export { duplicateYamlKeys, parseAllYaml, parseYaml, stringifyYaml, type ParseYamlOptions } from './yaml.ts';
