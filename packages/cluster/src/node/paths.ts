/** Where the node runtime keeps things in the data folder. */

import { join } from 'node:path';

export interface NodePaths {
  readonly images: string;
  readonly preload: string;
  readonly resolvConf: string;
  readonly probe: string;
  readonly pods: string;
  readonly logs: string;
  pod(uid: string): string;
  volumes(uid: string): string;
  container(uid: string, container: string): string;
  /** Records the process of a running container, so that the next start can end what was left. */
  processFile(uid: string, container: string): string;
  podLogs(pod: { namespace: string; name: string; uid: string }): string;
  log(pod: { namespace: string; name: string; uid: string }, container: string, attempt: number): string;
}

export function nodePaths(dataDir: string): NodePaths {
  const pods = join(dataDir, 'pods');
  const logs = join(dataDir, 'logs');
  const podLogs: NodePaths['podLogs'] = ({ namespace, name, uid }) => join(logs, `${namespace}_${name}_${uid}`);
  return {
    images: join(dataDir, 'images'),
    preload: join(dataDir, 'node', 'preload.cjs'),
    resolvConf: join(dataDir, 'node', 'resolv.conf'),
    probe: join(dataDir, 'node', 'probe'),
    pods,
    logs,
    pod: (uid) => join(pods, uid),
    volumes: (uid) => join(pods, uid, 'volumes'),
    container: (uid, container) => join(pods, uid, 'containers', container),
    processFile: (uid, container) => join(pods, uid, `${container}.process.json`),
    podLogs,
    log: (pod, container, attempt) => join(podLogs(pod), container, `${attempt}.log`),
  };
}
