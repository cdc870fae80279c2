/** Serves the charts of a folder as an HTTP chart repository. */

import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { loadChart, packageChart, toYaml, type Chart } from '@towpath/charts';
import { messageOf, type Logger } from '@towpath/kit';
import { readChartFolder } from '../sources/folder.ts';

export interface ChartRepositoryOptions {
  /** A folder of chart folders. */
  readonly charts: string;
  readonly log: Logger;
}

/** True when the request was for the repository and has been answered. */
export type ChartRepositoryHandler = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

interface Archive {
  readonly filename: string;
  readonly data: Uint8Array;
  readonly digest: string;
  readonly chart: Chart;
}

/** Charts carry no time of their own; a fixed one keeps the index the same for the same charts. */
const created = '2026-01-01T00:00:00Z';

/**
 * Answers `GET …/index.yaml` and `GET …/NAME-VERSION.tgz` at any path, so that one folder can stand for several
 * repositories (`/fluxcd`, `/flagger`, `/`). Archives are reproducible. The folder is read at each request: a chart
 * that was edited is served as it is now.
 */
export function chartRepository(options: ChartRepositoryOptions): ChartRepositoryHandler {
  return async (request, response) => {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname;
    const file = path.slice(path.lastIndexOf('/') + 1);
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      respond(request, response, 405, 'text/plain', 'only GET and HEAD are answered here\n');
      return;
    }
    const archives = await readArchives(options);
    if (file === 'index.yaml') {
      respond(request, response, 200, 'application/yaml', indexText(archives));
      return;
    }
    const wanted = archives.find((archive) => archive.filename === file);
    if (wanted !== undefined) respond(request, response, 200, 'application/gzip', wanted.data);
    else respond(request, response, 404, 'text/plain', `${path} is not in this chart repository\n`);
  };
}

/** The charts of the folder; one that cannot be packed is logged and left out. */
async function readArchives({ charts, log }: ChartRepositoryOptions): Promise<Archive[]> {
  const entries = await readdir(charts, { withFileTypes: true });
  const folders = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  const archives: Archive[] = [];
  for (const name of folders.toSorted()) {
    try {
      const chart = await loadChart(await readChartFolder(join(charts, name)));
      const { filename, data } = await packageChart(chart);
      archives.push({ filename, data, chart, digest: createHash('sha256').update(data).digest('hex') });
    } catch (error) {
      log.warn('chart left out of the repository', { chart: name, error: messageOf(error) });
    }
  }
  return archives;
}

function indexText(archives: readonly Archive[]): string {
  const entries: Record<string, unknown[]> = {};
  for (const { chart, filename, digest } of archives) {
    const list = (entries[chart.metadata.name] ??= []);
    list.push({ ...chart.metadata, created, digest, urls: [filename] });
  }
  return `${toYaml({ apiVersion: 'v1', entries, generated: created })}\n`;
}

function respond(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  contentType: string,
  body: string | Uint8Array,
): void {
  response.writeHead(status, { 'content-type': contentType, 'content-length': Buffer.byteLength(body) });
  response.end(request.method === 'HEAD' ? undefined : body);
}
