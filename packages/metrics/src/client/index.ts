/** The query client of this package, without the server. */

export { connectThrough, type DialOptions } from '../http/connect.ts';
export { httpExchange, type Connect, type HttpAnswer, type HttpOptions } from '../http/exchange.ts';
export { queryInstant, type InstantQuery, type InstantSample } from './query.ts';
