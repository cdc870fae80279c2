/** Sends the requests of a script to a server and collects the answers, made comparable. */

import { Agent, request } from 'node:https';
import { getIn, isRecord } from '@towpath/kit';
import { normaliseAnswer } from './normalise.ts';
import type { ScriptFile, Step } from './script.ts';

/** A server under the script. */
export interface Server {
  readonly url: string;
  readonly caPem: string;
  /** Of an administrator. */
  readonly token: string;
}

/** An answer without what differs from run to run. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  /** Parsed JSON, the lines of a watch, or text. */
  readonly body: unknown;
}

/** An answer as it came. */
export interface RawAnswer extends Answer {
  readonly text: string;
}

const answerLimitMs = 10_000;
const recordedHeaders = ['content-type', 'retry-after', 'allow', 'location'];

/** Plays files one after another; answers by step id. */
export async function play(server: Server, files: readonly ScriptFile[]): Promise<Map<string, Answer>> {
  const agent = new Agent({ keepAlive: true, ca: server.caPem });
  const answers = new Map<string, Answer>();
  try {
    for (const file of files) {
      await prepareNamespace(server, agent, file.namespace);
      const named = new Map<string, unknown>();
      const generated = new Map<string, string>();
      for (const step of file.steps) {
        const sent = resolveStep(step, named);
        const raw = await send(server, agent, sent);
        if (step.as !== undefined) named.set(step.as, raw.body);
        answers.set(step.id, normaliseAnswer(raw, sent, { server, generated }));
      }
    }
  } finally {
    agent.destroy();
  }
  return answers;
}

/** What the namespace controllers would make: the script runs without controllers. */
async function prepareNamespace(server: Server, agent: Agent, name: string): Promise<void> {
  const create = (path: string, kind: string, object: string): Promise<RawAnswer> =>
    send(server, agent, {
      id: 'namespace',
      as: undefined,
      method: 'POST',
      path,
      headers: { 'content-type': 'application/json' },
      body: { apiVersion: 'v1', kind, metadata: { name: object } },
    });
  await create('/api/v1/namespaces', 'Namespace', name);
  await create(`/api/v1/namespaces/${name}/serviceaccounts`, 'ServiceAccount', 'default');
}

/** Replaces the references to earlier answers. */
function resolveStep(step: Step, named: ReadonlyMap<string, unknown>): Step {
  const resolve = (value: unknown): unknown => {
    if (typeof value === 'string') {
      return value.replace(/\$\{([\w-]+)\.([^}]+)\}/g, (_all, name: string, path: string) =>
        String(getIn(named.get(name), path.split('.')) ?? ''),
      );
    }
    if (Array.isArray(value)) return value.map(resolve);
    if (isRecord(value))
      return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, resolve(member)]));
    return value;
  };
  return {
    ...step,
    path: String(resolve(step.path)),
    headers: resolve(step.headers) as Record<string, string>,
    body: resolve(step.body),
  };
}

function send(server: Server, agent: Agent, step: Step): Promise<RawAnswer> {
  const body =
    step.body === undefined ? undefined : typeof step.body === 'string' ? step.body : JSON.stringify(step.body);
  const headers = {
    authorization: `Bearer ${server.token}`,
    'user-agent': 'recorder/v1',
    accept: 'application/json',
    ...step.headers,
    ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }),
  };
  return new Promise((resolve, reject) => {
    const sent = request(`${server.url}${step.path}`, { agent, method: step.method, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        const kept: Record<string, string | string[]> = {};
        for (const name of recordedHeaders) {
          const value = response.headers[name];
          if (value !== undefined) kept[name] = value;
        }
        const warnings = warningsOf(response.rawHeaders);
        if (warnings.length > 0) kept['warning'] = warnings;
        resolve({ status: response.statusCode ?? 0, headers: kept, body: parseBody(text), text });
      });
    });
    // A request nobody answers is an answer too: it must not hold up the script.
    sent.setTimeout(answerLimitMs, () => sent.destroy(new Error(`no answer to ${step.id} within ${answerLimitMs} ms`)));
    sent.on('error', (error) => resolve({ status: 0, headers: {}, body: error.message, text: error.message }));
    sent.end(body);
  });
}

function warningsOf(raw: readonly string[]): string[] {
  const lines = raw.filter((_value, index) => index % 2 === 1 && raw[index - 1]?.toLowerCase() === 'warning');
  // Several lines and one joined line say the same. Source: RFC 9110, 5.3.
  return lines.flatMap((line) => line.split(/, (?=299 - ")/));
}

/** JSON, the JSON lines of a watch, or the text itself. */
function parseBody(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    const lines = text.trim().split('\n');
    if (!text.startsWith('{"type"')) return text;
    return lines.map((line) => JSON.parse(line) as unknown);
  }
}
