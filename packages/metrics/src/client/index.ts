/** The query client of this package, without the server. */

export { connectThrough, type DialOptions } from '../http/connect.ts';
export type { Connect } from '../http/get.ts';
export { queryInstant, type InstantQuery, type InstantSample } from './query.ts';
