/** The dashboard on the front's port, fed by the API and by Prometheus. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startDashboard } from '@towpath/dashboard';
import type { Clock, Disposable, Logger } from '@towpath/kit';
import { connectThrough, queryInstant } from '@towpath/metrics';
import type { RunningCluster } from './cluster.ts';
import type { Sources } from './sources.ts';

export interface DashboardPartOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly cluster: RunningCluster;
  readonly sources: Sources;
  /** Folder with `web/`. */
  readonly assetsDir: string;
  readonly gatewayUrl: string;
}

const prometheusUrl = 'http://prometheus.istio-system:9090';

export function startDashboardPart(options: DashboardPartOptions): Disposable {
  const { clock, log, cluster, sources, assetsDir, gatewayUrl } = options;
  const connect = connectThrough(cluster.nodes.dialer, { direct: true });
  const dashboard = startDashboard({
    client: cluster.client,
    prometheusQuery: (query) => queryInstant({ address: prometheusUrl, query, connect }),
    log,
    clock,
    links: [
      { name: 'Shop', url: gatewayUrl },
      { name: 'Prometheus API', url: `${sources.url}/prometheus/api/v1/targets` },
    ],
    asset: (name) => readAsset(join(assetsDir, 'web', name)),
  });
  sources.setDashboard((request, response) => dashboard.handler(request, response));
  return dashboard;
}

function readAsset(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
