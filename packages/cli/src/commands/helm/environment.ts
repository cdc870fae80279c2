/** Where helm keeps its configuration, and the environment variables it reads. */

import { homedir } from 'node:os';
import { join } from 'node:path';
import type { CliContext } from '../../context.ts';

export interface HelmEnvironment {
  /** repositories.yaml */
  readonly repositoryConfig: string;
  /** Folder of downloaded indexes and charts. */
  readonly repositoryCache: string;
  readonly registryConfig: string;
  readonly namespace: string | undefined;
  readonly kubeContext: string | undefined;
  readonly debug: boolean;
  readonly maxHistory: number;
}

/** Source: helm 3 pkg/cli/environment.go and pkg/helmpath. */
export function helmEnvironment(context: CliContext): HelmEnvironment {
  const { env } = context;
  const home = env['HOME'] ?? homedir();
  const isMac = process.platform === 'darwin';
  const configHome =
    env['HELM_CONFIG_HOME'] ??
    join(env['XDG_CONFIG_HOME'] ?? (isMac ? join(home, 'Library', 'Preferences') : join(home, '.config')), 'helm');
  const cacheHome =
    env['HELM_CACHE_HOME'] ??
    join(env['XDG_CACHE_HOME'] ?? (isMac ? join(home, 'Library', 'Caches') : join(home, '.cache')), 'helm');
  return {
    repositoryConfig: env['HELM_REPOSITORY_CONFIG'] ?? join(configHome, 'repositories.yaml'),
    repositoryCache: env['HELM_REPOSITORY_CACHE'] ?? join(cacheHome, 'repository'),
    registryConfig: env['HELM_REGISTRY_CONFIG'] ?? join(configHome, 'registry', 'config.json'),
    namespace: env['HELM_NAMESPACE'],
    kubeContext: env['HELM_KUBECONTEXT'],
    debug: env['HELM_DEBUG'] === 'true' || env['HELM_DEBUG'] === '1',
    maxHistory: Number(env['HELM_MAX_HISTORY'] ?? '10'),
  };
}
