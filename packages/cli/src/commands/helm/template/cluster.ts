/** What `template` asks a cluster: its capabilities, its objects, and whether it would take the result. */

import {
  manifestText,
  renderWithLookup,
  type Capabilities,
  type RenderOptions,
  type RenderResult,
} from '@towpath/charts';
import { messageOf, TowpathError } from '@towpath/kit';
import { clusterLookup, loadCapabilities, rehearseInstall } from '@towpath/releases';
import type { Client } from '@towpath/runtime';
import type { CliContext } from '../../../context.ts';
import { clientTargetOf } from '../global-flags.ts';
import type { TemplateFlags } from './flags.ts';

/** The cluster that the flags name; `mustAnswer` asks it at once. Throws `CLUSTER_UNREACHABLE` in helm's words. */
export async function openCluster(context: CliContext, flags: TemplateFlags, mustAnswer: boolean): Promise<Client> {
  const target = clientTargetOf(context, flags);
  try {
    const { client } = await context.client(target);
    if (mustAnswer) await loadCapabilities(client);
    return client;
  } catch (error) {
    throw new TowpathError('CLUSTER_UNREACHABLE', `Kubernetes cluster unreachable: ${messageOf(error)}`, {
      next: 'leave out --validate and --dry-run to render without a cluster',
      cause: error,
    });
  }
}

/** The API versions and kinds of the cluster. */
export function clusterCapabilities(client: Client): Promise<Capabilities> {
  return loadCapabilities(client);
}

/** Renders with `lookup` answered by the cluster. */
export function renderWithCluster(client: Client, options: RenderOptions): Promise<RenderResult> {
  return renderWithLookup(options, (request) => clusterLookup(client, request));
}

/** Throws what an install would throw before it writes anything. */
export async function validateResult(
  client: Client,
  result: RenderResult,
  release: { name: string; namespace: string; flags: TemplateFlags },
): Promise<void> {
  const { name, namespace, flags } = release;
  await rehearseInstall(client, {
    manifest: manifestText(result),
    name,
    namespace,
    takeOwnership: flags.takeOwnership === true,
    isUpgrade: flags.isUpgrade === true,
  });
}
