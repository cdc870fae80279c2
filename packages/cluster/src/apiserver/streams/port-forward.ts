/** Port-forward: pairs of streams, one for data and one for errors, each pair one connection to the pod. */

import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Pod } from '@towpath/api';
import { messageOf } from '@towpath/kit';
import type { PodStreams } from '../pod-streams.ts';
import { SpdyConnection, type SpdyStream } from './spdy-connection.ts';

/** Serves port-forwarding over a byte stream until the client leaves. */
export async function servePortForward(wire: Duplex, pod: Pod, streams: PodStreams): Promise<void> {
  const waiting = new Map<string, SpdyStream>();
  const connection = new SpdyConnection(wire, (stream) => {
    const request = stream.headers.get('requestid') ?? '';
    const other = waiting.get(request);
    if (other === undefined) {
      waiting.set(request, stream);
      stream.once('close', () => waiting.delete(request));
      return;
    }
    waiting.delete(request);
    const isError = stream.headers.get('streamtype') === 'error';
    const [error, data] = isError ? [stream, other] : [other, stream];
    void forward({ error, data, pod, streams });
  });
  await connection.run();
}

async function forward(parts: { error: SpdyStream; data: SpdyStream; pod: Pod; streams: PodStreams }): Promise<void> {
  const { error, data, pod, streams } = parts;
  const port = Number(data.headers.get('port'));
  error.resume();
  let socket: Duplex | undefined;
  try {
    socket = await streams.portForward(pod, port);
    const target = socket;
    // Each direction ends by itself; a broken one ends both.
    await Promise.all([pipeline(data, target), pipeline(target, data)]);
    error.end();
  } catch (failure) {
    const { name, namespace } = pod.metadata;
    const what = `an error occurred forwarding ${port} to pod ${namespace ?? ''}/${name}: ${messageOf(failure)}`;
    // Ends of connections are no errors worth a line on the user's terminal.
    if (socket === undefined) error.end(what);
    else error.end();
    data.end();
  } finally {
    socket?.destroy();
  }
}
