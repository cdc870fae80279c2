/** Nodes of ours in a cluster that is not: its API server is reached with a kubeconfig. */

import type { Builtin, Transport } from '@towpath/api';
import { registryImages, startNodes, type HostFacts, type RunningNodes } from '@towpath/cluster';
import { Disposer, TowpathError, type Clock, type Disposable, type Logger, type Random } from '@towpath/kit';
import { Client, httpTransport, loadKubeconfig, type HttpTransportOptions } from '@towpath/runtime';
import { dockerConfig } from './host-facts.ts';

export interface JoinClusterOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly kubeconfig: string;
  readonly context?: string | undefined;
  /** A folder of the nodes' own. */
  readonly nodesDir: string;
  readonly host: HostFacts;
  readonly name: string;
  readonly nodes: number;
  readonly nodeIP: string;
  /** Of the kubelet's server; 0 takes a free one. */
  readonly kubeletPort: number;
  /** PEM; absent, the authority of the kubeconfig. */
  readonly clientAuthority?: string | undefined;
  readonly runtime: 'process' | 'container';
  /** Asked first for every image, e.g. `http://127.0.0.1:5000`. */
  readonly mirror?: string | undefined;
  /** Registries without TLS. */
  readonly insecureRegistries?: readonly string[] | undefined;
  readonly builtins: Readonly<Record<string, Builtin>>;
  /** In-cluster `name.namespace:port` → a listener of this machine. */
  readonly hostServices: Readonly<Record<string, { readonly port: number }>>;
  readonly hostPorts: Readonly<Record<string, number>>;
}

export interface JoinedCluster extends Disposable {
  readonly client: Client;
  readonly nodes: RunningNodes;
  readonly url: string;
}

/** Resolves when the nodes are Ready. Throws `KUBECONFIG_INVALID`, `CLIENT_CA_MISSING` or `API_UNREACHABLE`. */
export async function joinCluster(options: JoinClusterOptions): Promise<JoinedCluster> {
  const { clock, random, log, kubeconfig, context, host } = options;
  const target = (await loadKubeconfig({ file: kubeconfig, context })).transport;
  const clientAuthority = options.clientAuthority ?? target.ca?.toString();
  if (clientAuthority === undefined) {
    throw new TowpathError('CLIENT_CA_MISSING', `${kubeconfig} names no certificate authority`, {
      next: "name the authority of the API server's client certificate with --client-ca-file",
    });
  }
  const ends = new Disposer();
  try {
    const transport = httpTransport(target);
    ends.add(() => transport.close());
    const asPod = httpTransport({ server: target.server, ca: target.ca, insecure: target.insecure === true });
    ends.add(() => asPod.close());
    const nodes = ends.own(
      await startNodes({
        transport,
        transportWithToken: (token) => withToken(asPod, token),
        clock,
        random,
        log,
        dataDir: options.nodesDir,
        nodes: options.nodes,
        images: registryImages({
          mirror: options.mirror,
          architecture: host.architecture,
          insecureHosts: options.insecureRegistries ?? [],
          authFiles: [dockerConfig(host.env)],
        }),
        builtins: options.builtins,
        hostServices: { ...options.hostServices, 'kubernetes.default:443': serverAddress(target) },
        hostPorts: options.hostPorts,
        host,
        runtime: options.runtime,
        join: { name: options.name, nodeIP: options.nodeIP, port: options.kubeletPort, clientAuthority },
      }),
    );
    const client = new Client({ transport, fieldManager: 'towpath', userAgent: 'towpath/up' });
    return { client, nodes, url: target.server, dispose: () => ends.dispose() };
  } catch (error) {
    await ends.dispose();
    throw error;
  }
}

/** Each request carries the token of that moment: tokens are replaced before they end. */
function withToken(transport: Transport, token: () => Promise<string>): Transport {
  return {
    async request(request) {
      const headers = { ...request.headers, authorization: `Bearer ${await token()}` };
      return transport.request({ ...request, headers });
    },
  };
}

/** Pods reach the API server by its cluster address; where that leads is what the kubeconfig says. */
function serverAddress({ server }: HttpTransportOptions): { host: string; port: number } {
  const { hostname, port } = new URL(server);
  return { host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? 443 : Number(port) };
}
