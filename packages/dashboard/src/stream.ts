/** Server-sent events: each topic's newest message to everybody, and to newcomers at once. */

import type { ServerResponse } from 'node:http';
import type { Clock, Timer } from '@towpath/kit';

export type Topic = 'state' | 'metrics';

/** Keeps proxies and browsers from taking the silence for a dead connection. */
const keepAliveMs = 15_000;
/** A reader that falls behind by more than this is closed; its browser connects again. */
const maxBacklogBytes = 4 << 20;

/** A message that equals its topic's last one is not sent again. */
export class EventStream {
  readonly #clock: Clock;
  readonly #readers = new Set<ServerResponse>();
  readonly #last = new Map<Topic, string>();
  #timer: Timer | undefined;

  constructor(options: { clock: Clock }) {
    this.#clock = options.clock;
  }

  publish(topic: Topic, json: string): void {
    if (this.#last.get(topic) === json) return;
    this.#last.set(topic, json);
    for (const reader of this.#readers) this.#send(reader, frame(topic, json));
  }

  /** Adds a reader until it goes away. */
  open(response: ServerResponse): void {
    response.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    });
    response.write('retry: 1000\n\n');
    for (const [topic, json] of this.#last) response.write(frame(topic, json));
    this.#readers.add(response);
    response.on('close', () => this.#readers.delete(response));
    this.#timer ??= this.#clock.startTimer(keepAliveMs, () => this.#keepAlive());
  }

  close(): void {
    this.#timer?.cancel();
    for (const reader of this.#readers) reader.end();
    this.#readers.clear();
  }

  #keepAlive(): void {
    this.#timer = undefined;
    if (this.#readers.size === 0) return;
    for (const reader of this.#readers) this.#send(reader, ': alive\n\n');
    this.#timer = this.#clock.startTimer(keepAliveMs, () => this.#keepAlive());
  }

  #send(reader: ServerResponse, text: string): void {
    if (reader.writableLength > maxBacklogBytes) reader.destroy();
    else reader.write(text);
  }
}

function frame(topic: Topic, json: string): string {
  return `event: ${topic}\ndata: ${json}\n\n`;
}
