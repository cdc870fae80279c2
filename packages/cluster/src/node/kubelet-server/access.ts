/** Who may ask a node: known by client certificate or token, allowed by the API server's own rules. */

import type { Clock } from '@towpath/kit';
import { isRecord } from '@towpath/kit';
import type { Client } from '@towpath/runtime';
import type { ApiRequest, UserInfo } from '../../apiserver/http/message.ts';
import { StatusError, unauthorized } from '../../apiserver/http/status.ts';
import type { KubeletPath } from './paths.ts';

export interface Access {
  /** Throws a 401 or a 403. */
  check(request: ApiRequest, path: KubeletPath): Promise<void>;
}

/** Answers are kept so long. Source: Kubernetes, kubelet's webhook defaults (2 minutes, 5 minutes allowed, 30 seconds denied). */
const keptMs = 30_000;
const maxKept = 1_000;

/** Source: Kubernetes pkg/kubelet/server/auth.go: everything but metrics and health is `nodes/proxy`. */
function subresourceOf(path: KubeletPath): string {
  if (path.type === 'resource-metrics') return 'metrics';
  return path.type === 'health' ? 'healthz' : 'proxy';
}

const verbs: Readonly<Record<string, string>> = {
  POST: 'create',
  GET: 'get',
  HEAD: 'get',
  PUT: 'update',
  DELETE: 'delete',
};

export function createAccess(deps: { client: Client; clock: Clock; nodeName: string }): Access {
  const { client, clock, nodeName } = deps;
  const kept = new Map<string, { value: unknown; atMs: number }>();

  async function remembered<Value>(key: string, ask: () => Promise<Value>): Promise<Value> {
    const known = kept.get(key);
    // Keys say what was asked, so the value is of that question.
    if (known !== undefined && clock.monotonicMs() - known.atMs < keptMs) return known.value as Value;
    const value = await ask();
    if (kept.size >= maxKept) kept.clear();
    kept.set(key, { value, atMs: clock.monotonicMs() });
    return value;
  }

  async function review(group: string, plural: string, kind: string, spec: object): Promise<Record<string, unknown>> {
    const apiVersion = `${group}/v1`;
    const response = await client.request({
      method: 'POST',
      path: `/apis/${apiVersion}/${plural}`,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ apiVersion, kind, spec }),
    });
    const body: unknown = JSON.parse(await response.text());
    return isRecord(body) && isRecord(body['status']) ? body['status'] : {};
  }

  async function userOf(request: ApiRequest): Promise<UserInfo | undefined> {
    if (request.user !== undefined) return request.user;
    const token = /^Bearer (.+)$/.exec(request.headers['authorization'] ?? '')?.[1];
    if (token === undefined) return undefined;
    const status = await remembered(`token ${token}`, () =>
      review('authentication.k8s.io', 'tokenreviews', 'TokenReview', { token }),
    );
    const user = status['user'];
    if (status['authenticated'] !== true || !isRecord(user)) return undefined;
    const groups = Array.isArray(user['groups']) ? user['groups'].map(String) : [];
    return { name: String(user['username'] ?? ''), groups };
  }

  return {
    async check(request, path) {
      const user = await userOf(request);
      if (user === undefined) throw unauthorized();
      const resourceAttributes = {
        verb: verbs[request.method] ?? 'get',
        version: 'v1',
        resource: 'nodes',
        subresource: subresourceOf(path),
        name: nodeName,
      };
      const spec = { user: user.name, groups: user.groups, resourceAttributes };
      const status = await remembered(JSON.stringify(spec), () =>
        review('authorization.k8s.io', 'subjectaccessreviews', 'SubjectAccessReview', spec),
      );
      if (status['allowed'] === true) return;
      const { verb, subresource } = resourceAttributes;
      const message = `Forbidden (user=${user.name}, verb=${verb}, resource=nodes, subresource(s)=[${subresource}])`;
      throw new StatusError({ code: 403, reason: 'Forbidden', message });
    },
  };
}
