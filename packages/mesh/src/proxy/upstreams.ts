/** The connections of one proxy to the servers behind it, HTTP/1.1 and HTTP/2. */

import type { Clock } from '@towpath/kit';
import { prompt } from './tunnel.ts';
import type { RequestHead, UpstreamCall, UpstreamListener } from './messages.ts';
import { callHttp1, StreamAgent, type DialPeer } from './upstream-http1.ts';
import { callHttp2, Http2Pool } from './upstream-http2.ts';

export interface Upstreams {
  /** Sends `head` in its own version of HTTP. */
  call(
    target: { readonly host: string; readonly port: number },
    head: RequestHead,
    listener: UpstreamListener,
  ): UpstreamCall;
  /** The HTTP/1.1 pool, for upgrades. */
  readonly agent: StreamAgent;
  dispose(): void;
}

/** Pools are filled by `dial`. */
export function createUpstreams({ dial, clock }: { dial: DialPeer; clock: Clock }): Upstreams {
  const dialPromptly: DialPeer = async (host, port) => prompt(await dial(host, port));
  const agent = new StreamAgent({ dial: dialPromptly, clock });
  const pool = new Http2Pool({ dial: dialPromptly });
  return {
    agent,
    call(target, head, listener) {
      return head.version === 'http2'
        ? callHttp2(pool, target, head, listener)
        : callHttp1(agent, target, head, listener);
    },
    dispose() {
      agent.destroy();
      pool.dispose();
    },
  };
}
