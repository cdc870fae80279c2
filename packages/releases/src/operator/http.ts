/** The operator's HTTP port: health, metrics, and the request to look at Git now. */

import { createServer, type Server } from 'node:http';
import { releaseKeyOf, type HelmRelease } from './helm-release.ts';

export interface OperatorHttpOptions {
  readonly releases: () => readonly HelmRelease[];
  /** Fetches every repository and looks at the releases whose charts moved. */
  readonly syncGit: () => void;
}

/** `GET /healthz`, `GET /metrics`, `POST /api/v1/sync-git`, as the original answers them. */
export function createOperatorHttp(options: OperatorHttpOptions): Server {
  return createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname;
    const answer = (status: number, body: string, type = 'text/plain; charset=utf-8'): void => {
      response.writeHead(status, { 'content-type': type });
      response.end(body);
    };
    if (path === '/healthz') answer(200, 'ok\n');
    else if (path === '/metrics') answer(200, metricsText(options.releases()), 'text/plain; version=0.0.4');
    else if (path === '/api/v1/sync-git' && request.method === 'POST') {
      options.syncGit();
      answer(200, 'OK');
    } else answer(404, '404 page not found\n');
  });
}

const prefix = 'flux_helm_operator';
const values = { True: 1, False: -1, Unknown: 0 } as const;

/** Source: helm-operator pkg/metrics and pkg/status, names and labels. */
function metricsText(releases: readonly HelmRelease[]): string {
  const conditions = releases.flatMap((object) => {
    const { name, namespace } = releaseKeyOf(object);
    return (object.status?.conditions ?? []).map((condition) => {
      const labels = `target_namespace="${namespace}",release_name="${name}",condition="${condition.type}"`;
      return `${prefix}_release_condition_info{${labels}} ${values[condition.status]}\n`;
    });
  });
  return [
    `# HELP ${prefix}_release_count Count of releases managed by the operator.\n`,
    `# TYPE ${prefix}_release_count gauge\n`,
    `${prefix}_release_count ${releases.length}\n`,
    `# HELP ${prefix}_release_condition_info Current HelmRelease condition status: -1 (False), 0 (Unknown), 1 (True).\n`,
    `# TYPE ${prefix}_release_condition_info gauge\n`,
    ...conditions,
  ].join('');
}
