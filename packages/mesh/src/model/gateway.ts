/** Gateways as the ingress uses them: which hosts are taken on which port. */

import { keyOf, type AnyObject, type Key } from '@towpath/api';
import { Fields, type Problem } from './fields.ts';

interface GatewayHost {
  /** A namespace whose VirtualServices may bind; `*` is any. */
  readonly namespace: string;
  readonly pattern: string;
}

export interface GatewayServer {
  readonly port: number;
  readonly hosts: readonly GatewayHost[];
  readonly httpsRedirect: boolean;
}

export interface GatewayModel {
  readonly key: Key;
  readonly selector: Readonly<Record<string, string>>;
  readonly servers: readonly GatewayServer[];
  readonly problems: readonly Problem[];
}

const httpProtocols = new Set(['HTTP', 'HTTP2', 'GRPC', 'GRPC-WEB']);

/** Reads a Gateway; servers of other protocols than HTTP are refused. Source: istio/api gateway.proto. */
export function readGateway(object: AnyObject): GatewayModel {
  const problems: Problem[] = [];
  const spec = new Fields(object['spec'], { path: 'spec', problems });
  const namespace = object.metadata.namespace ?? 'default';
  const selector = spec.stringMap('selector');
  const servers = spec.records('servers').flatMap((server) => readServer(server, namespace));
  spec.finish();
  return { key: keyOf(object), selector, servers, problems };
}

function readServer(fields: Fields, namespace: string): GatewayServer[] {
  const port = fields.record('port');
  const number = port?.number('number');
  const protocol = (port?.string('protocol') ?? '').toUpperCase();
  port?.string('name');
  port?.number('targetPort');
  port?.finish();
  fields.string('name');
  const tls = fields.record('tls');
  const httpsRedirect = tls?.boolean('httpsRedirect') ?? false;
  const hosts = fields.strings('hosts').map((host) => readHost(host, namespace));
  if (!httpProtocols.has(protocol)) {
    fields.report('port.protocol', `${protocol} is not supported by the embedded ingress gateway, only HTTP is`);
    return [];
  }
  tls?.finish();
  fields.finish();
  return number === undefined ? [] : [{ port: number, hosts, httpsRedirect }];
}

function readHost(host: string, namespace: string): GatewayHost {
  const slash = host.indexOf('/');
  if (slash < 0) return { namespace: '*', pattern: host.toLowerCase() };
  const prefix = host.slice(0, slash);
  return { namespace: prefix === '.' ? namespace : prefix, pattern: host.slice(slash + 1).toLowerCase() };
}
