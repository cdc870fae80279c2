/** The process' own metrics, as Prometheus reads them. */

import { createServer } from 'node:http';
import { collectDefaultMetrics, register } from 'prom-client';
import { setting } from './settings.ts';

/** Serves `/metrics` on METRICS_PORT (default 9464). */
export function serveMetrics(): void {
  collectDefaultMetrics();
  const server = createServer((_request, response) => {
    void register.metrics().then((text) => response.writeHead(200, { 'content-type': register.contentType }).end(text));
  });
  server.listen(Number(setting('METRICS_PORT', '9464')));
  server.unref();
}
