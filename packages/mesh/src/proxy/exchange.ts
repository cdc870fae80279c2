/** One request from its arrival to its record: tries, retries, time limits, answer. */

import type { Readable, Writable } from 'node:stream';
import type { Clock, Random, Timer } from '@towpath/kit';
import type { HeaderChange, RetryPolicy } from '../model/http-policy.ts';
import { reply, type LocalReply, type ResponseFlag } from '../route/plan.ts';
import { changeHeaders, headerValue, type FlatHeaders } from '../route/rewrite.ts';
import { BodyRelay } from './body-relay.ts';
import { localResponse } from './local-response.ts';
import {
  headerBytes,
  isGrpc,
  type Downstream,
  type RequestHead,
  type ResponseHead,
  type UpstreamCall,
  type UpstreamFailure,
  type UpstreamListener,
} from './messages.ts';
import { retriesFailure, retriesResponse, retryBackoffMs } from './retry.ts';

/** One server to try. `begin` marks it busy until the returned function is called. */
export interface Leg<Who> {
  readonly who: Who;
  open(head: RequestHead, listener: UpstreamListener): UpstreamCall;
  begin(): () => void;
}

/** How a request is to be forwarded. `Who` names a server in the record. */
export interface Forward<Who> {
  /** As it is to be sent: rewritten, with its headers changed. */
  readonly head: RequestHead;
  /** The next server, avoiding those already tried; undefined when there is none (503, `noServerFlag`). */
  next(): Leg<Who> | undefined;
  readonly timeoutMs: number | undefined;
  readonly retries: RetryPolicy | undefined;
  readonly responseHeaders: readonly (HeaderChange | undefined)[];
  /** Receivers of a copy; they are sent once, with the first try. */
  readonly mirrors: readonly Leg<Who>[];
  /** Waits before the first try; marks the record DI. */
  readonly delayMs: number;
  /** Marks an answer to a request that no program has seen, so that the proxy before this one may try elsewhere. */
  readonly marksUnreached: boolean;
}

export interface ExchangeRecord<Who> {
  readonly who: Who | undefined;
  readonly grpc: boolean;
  readonly responseCode: number;
  readonly grpcStatus: number | undefined;
  readonly flags: readonly ResponseFlag[];
  readonly durationMs: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
}

export interface ExchangeOptions<Who> {
  readonly downstream: Downstream;
  readonly clock: Clock;
  readonly random: Random;
  readonly record: (record: ExchangeRecord<Who>) => void;
}

/**
 * States: waiting (fault delay, back-off), trying (a call is open, no answer yet), answering, over.
 * `over` is entered once and writes the record.
 */
export class Exchange<Who> {
  readonly #options: ExchangeOptions<Who>;
  readonly #startedMs: number;
  readonly #grpc: boolean;
  readonly #flags = new Set<ResponseFlag>();
  readonly #relay: BodyRelay;
  #call: UpstreamCall | undefined;
  #endLeg: (() => void) | undefined;
  #who: Who | undefined;
  #try = 0;
  /** Grows with every try that ends: what an ended one still reports is ignored. */
  #epoch = 0;
  #answered: number | undefined;
  #grpcStatus: number | undefined;
  #responseBytes = 0;
  #over = false;
  #limit: Timer | undefined;
  #tryLimit: Timer | undefined;
  #pause: Timer | undefined;

  constructor(options: ExchangeOptions<Who>) {
    const { downstream, clock } = options;
    this.#options = options;
    this.#startedMs = clock.monotonicMs();
    this.#grpc = isGrpc(headerValue(downstream.head.headers, 'content-type'));
    this.#relay = new BodyRelay({ source: downstream.body, hasBody: downstream.head.hasBody });
    downstream.onGone(() => this.#clientGone());
  }

  /** Answers without a server. */
  answer(local: LocalReply, who?: Who): void {
    if (this.#over) return;
    if (local.flag !== undefined) this.#flags.add(local.flag);
    this.#who ??= who;
    const { downstream } = this.#options;
    const { head, body, grpcStatus } = localResponse(local, { grpc: this.#grpc });
    this.#answered = head.status;
    this.#grpcStatus = grpcStatus;
    this.#responseBytes = headerBytes(head.headers) + body.length;
    const last = body.length === 0 || downstream.head.method === 'HEAD';
    downstream.respond(head, { last });
    if (!last) downstream.sink.write(body);
    downstream.finish([]);
    this.#finish();
  }

  /** Sends the request on. */
  forward(forward: Forward<Who>): void {
    const { clock } = this.#options;
    if (forward.timeoutMs !== undefined) this.#limit = clock.startTimer(forward.timeoutMs, () => this.#timedOut());
    if (forward.delayMs === 0) {
      this.#tryNext(forward);
      return;
    }
    this.#flags.add('DI');
    this.#pause = clock.startTimer(forward.delayMs, () => this.#tryNext(forward));
  }

  /** Marks the record. */
  flag(flag: ResponseFlag): void {
    this.#flags.add(flag);
  }

  #tryNext(forward: Forward<Who>): void {
    if (this.#over) return;
    const leg = forward.next();
    if (leg === undefined) {
      this.answer(reply(503, { flag: 'UH', body: 'no healthy upstream' }));
      return;
    }
    this.#who = leg.who;
    this.#endLeg = leg.begin();
    this.#try++;
    const epoch = this.#epoch;
    const current = (): boolean => !this.#over && epoch === this.#epoch;
    const perTryMs = forward.retries?.perTryTimeoutMs;
    if (perTryMs !== undefined) {
      this.#tryLimit = this.#options.clock.startTimer(perTryMs, () => current() && this.#tryTimedOut(forward));
    }
    this.#call = leg.open(forward.head, {
      onOpen: (sink) => {
        if (current()) this.#opened(forward, sink);
      },
      onResponse: (head, body, trailers) => {
        if (current()) this.#responded(forward, { head, body, trailers });
      },
      onFailure: (failure) => {
        if (current()) this.#failed(forward, failure);
      },
    });
  }

  #opened(forward: Forward<Who>, sink: Writable | undefined): void {
    if (this.#try === 1) for (const mirror of forward.mirrors) this.#mirror(forward, mirror);
    this.#relay.attach(sink);
    if (forward.retries === undefined || forward.retries.attempts === 0) this.#relay.stopKeeping();
  }

  #mirror(forward: Forward<Who>, leg: Leg<Who>): void {
    const end = leg.begin();
    const authority = `${forward.head.authority}-shadow`;
    leg.open(
      { ...forward.head, authority },
      {
        onOpen: (sink) => {
          sink?.on('error', () => {});
          if (sink !== undefined) this.#relay.tap(sink);
        },
        onResponse: (_head, body) => {
          body.on('end', end).on('error', end).resume();
        },
        onFailure: end,
      },
    );
  }

  #failed(forward: Forward<Who>, failure: UpstreamFailure): void {
    if (this.#answered !== undefined) {
      this.#flags.add('UC');
      this.#breakOff();
      return;
    }
    this.#endTry();
    // A pooled connection that the server closed at the same moment has not seen the request: no retry is spent.
    if (failure === 'stale' && this.#relay.replayable) {
      this.#tryNext(forward);
      return;
    }
    const policy = forward.retries;
    if (policy !== undefined && retriesFailure(policy, failure) && this.#retry(forward, policy)) return;
    const unreached = failure === 'connect';
    const reason = unreached ? 'connection failure' : 'connection termination';
    const body = `upstream connect error or disconnect/reset before headers. reset reason: ${reason}`;
    const headers = unreached && forward.marksUnreached ? ([[unreachedHeader, 'true']] as const) : [];
    this.answer(reply(503, { flag: unreached ? 'UF' : 'UC', body, headers }));
  }

  /** True when another try is on its way. A policy that has none left marks the record URX. */
  #retry(forward: Forward<Who>, policy: RetryPolicy): boolean {
    if (!this.#relay.replayable || policy.attempts === 0) return false;
    if (this.#try > policy.attempts) {
      this.#flags.add('URX');
      return false;
    }
    const { clock, random } = this.#options;
    const waitMs = random.integer(retryBackoffMs(this.#try) + 1);
    this.#pause = clock.startTimer(waitMs, () => this.#tryNext(forward));
    return true;
  }

  #responded(
    forward: Forward<Who>,
    response: { head: ResponseHead; body: Readable; trailers: () => FlatHeaders },
  ): void {
    const { head, body, trailers } = response;
    this.#tryLimit?.cancel();
    if (headerValue(head.headers, unreachedHeader) !== undefined) {
      const call = this.#call;
      this.#failed(forward, 'connect');
      call?.abort();
      return;
    }
    const grpcStatus = this.#grpc ? numberOf(headerValue(head.headers, 'grpc-status')) : undefined;
    const policy = forward.retries;
    if (policy !== undefined && retriesResponse(policy, head.status, grpcStatus) && this.#retry(forward, policy)) {
      const call = this.#call;
      this.#endTry();
      call?.abort();
      return;
    }
    this.#relay.stopKeeping();
    this.#deliver(forward, head, body, trailers);
  }

  #deliver(forward: Forward<Who>, head: ResponseHead, body: Readable, trailers: () => FlatHeaders): void {
    const { downstream } = this.#options;
    let headers = head.headers;
    for (const change of forward.responseHeaders) headers = changeHeaders(headers, change);
    this.#answered = head.status;
    this.#responseBytes = headerBytes(headers);
    const grpcStatus = headerValue(headers, 'grpc-status');
    // A gRPC response whose status is in its headers has no messages and no trailers.
    const last = this.#grpc && grpcStatus !== undefined;
    downstream.respond({ ...head, headers }, { last });
    const { sink } = downstream;
    body.on('data', (chunk: Buffer) => {
      this.#responseBytes += chunk.length;
      if (last || sink.write(chunk)) return;
      body.pause();
      sink.once('drain', () => body.resume());
    });
    body.on('end', () => {
      if (this.#over) return;
      const trailing = trailers();
      this.#responseBytes += headerBytes(trailing);
      if (this.#grpc) this.#grpcStatus = numberOf(headerValue(trailing, 'grpc-status') ?? grpcStatus);
      downstream.finish(trailing);
      this.#finish();
    });
  }

  #tryTimedOut(forward: Forward<Who>): void {
    this.#abortCall();
    const policy = forward.retries;
    if (policy !== undefined && retriesFailure(policy, 'reset') && this.#retry(forward, policy)) return;
    this.answer(reply(504, { flag: 'UT', body: 'upstream request timeout' }));
  }

  #timedOut(): void {
    if (this.#over) return;
    this.#abortCall();
    if (this.#answered === undefined) {
      this.answer(reply(504, { flag: 'UT', body: 'upstream request timeout' }));
      return;
    }
    this.#flags.add('UT');
    this.#breakOff();
  }

  /** Ends an answer that cannot be completed. gRPC has a word for it; elsewhere only a broken connection tells. */
  #breakOff(): void {
    const { downstream } = this.#options;
    if (this.#grpc) {
      this.#grpcStatus = unavailable;
      downstream.finish(['grpc-status', String(unavailable), 'grpc-message', 'the server broke the answer off']);
    } else downstream.reset();
    this.#finish();
  }

  #clientGone(): void {
    if (this.#over) return;
    this.#flags.add('DC');
    this.#abortCall();
    this.#finish();
  }

  #abortCall(): void {
    const call = this.#call;
    this.#endTry();
    call?.abort();
  }

  #endTry(): void {
    this.#epoch++;
    this.#tryLimit?.cancel();
    this.#endLeg?.();
    this.#endLeg = undefined;
    this.#call = undefined;
    this.#relay.detach();
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    const { clock, downstream, record } = this.#options;
    this.#limit?.cancel();
    this.#pause?.cancel();
    this.#endTry();
    this.#relay.drain();
    record({
      who: this.#who,
      grpc: this.#grpc,
      responseCode: this.#answered ?? 0,
      grpcStatus: this.#grpcStatus,
      flags: flagOrder.filter((flag) => this.#flags.has(flag)),
      durationMs: clock.monotonicMs() - this.#startedMs,
      requestBytes: headerBytes(downstream.head.headers) + this.#relay.bytes,
      responseBytes: this.#responseBytes,
    });
  }
}

/** Between two proxies only: the program behind the answering one could not be reached. */
const unreachedHeader = 'x-towpath-unreached';

/** gRPC's code for a server that is not there. */
const unavailable = 14;

/** Source: Envoy ResponseFlagUtils, the order in which flags are written. */
const flagOrder: readonly ResponseFlag[] = ['UH', 'UT', 'UF', 'UC', 'NR', 'DI', 'FI', 'DC', 'URX', 'NC'];

function numberOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}
