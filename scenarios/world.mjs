/** What the steps of one file share: the running system, its data folder, a clone, and the API. */

import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';

/** A step that did not show what it must. */
export class StepFailure extends Error {}

const shownCharacters = 1800;

/** Fails the step with what was expected and what was found. */
export function check(condition, message, found = '') {
  if (condition) return;
  const shown = String(found).trim();
  throw new StepFailure(shown === '' ? message : `${message}; found:\n${shown.slice(-shownCharacters)}`);
}

/** Kind, as steps name it, to its place in the API. */
const places = {
  namespace: '/api/v1',
  pod: '/api/v1',
  service: '/api/v1',
  secret: '/api/v1',
  configmap: '/api/v1',
  event: '/api/v1',
  deployment: '/apis/apps/v1',
  helmrelease: '/apis/helm.fluxcd.io/v1',
  canary: '/apis/flagger.app/v1beta1',
  virtualservice: '/apis/networking.istio.io/v1beta1',
  pipeline: '/apis/towpath.dev/v1alpha1',
  sync: '/apis/towpath.dev/v1alpha1',
};
const plurals = { canary: 'canaries' };
const stopLimitMs = 30_000;

export class World {
  #api;

  constructor({ root, dist, work }) {
    this.program = join(root, dist, 'towpath.js');
    this.assets = join(root, dist);
    this.work = work;
    this.data = join(work, 'data');
    this.clone = join(work, 'clone');
    this.log = join(work, 'up.log');
    this.flags = [];
    this.env = {
      PATH: process.env.PATH,
      HOME: join(work, 'home'),
      LANG: 'C.UTF-8',
      TOWPATH_DATA: this.data,
      GIT_TERMINAL_PROMPT: '0',
      GIT_CONFIG_NOSYSTEM: '1',
      npm_config_cache: process.env.npm_config_cache ?? join(process.env.HOME ?? work, '.npm'),
      npm_config_update_notifier: 'false',
    };
    mkdirSync(this.env.HOME, { recursive: true });
    /** Namespace of names without one. */
    this.namespace = 'microservices-demo';
    /** Things to undo when the file ends. */
    this.ends = [];
    this.beginScenario();
  }

  /** Events are looked for from here on; they carry whole seconds. */
  beginScenario() {
    this.sinceMs = Math.floor(Date.now() / 1000) * 1000;
    this.result = undefined;
    this.notes = {};
  }

  start(flags) {
    check(
      this.child === undefined || this.child.exitCode !== null || this.child.signalCode !== null,
      'Towpath runs already',
    );
    this.flags = flags;
    this.ready = undefined;
    this.#api = undefined;
    const log = openSync(this.log, 'a');
    this.child = spawn(process.execPath, [this.program, 'up', '--data', this.data, ...flags], {
      stdio: ['ignore', log, log],
      env: this.env,
    });
    this.child.on('error', (error) => (this.startError = error));
  }

  /** Reads ready.json once it is there. */
  readReady() {
    check(this.child?.exitCode === null, `towpath up ended with ${this.child?.exitCode}`, this.upLog());
    const file = join(this.data, 'ready.json');
    check(existsSync(file), 'ready.json is not there', this.upLog());
    this.ready = JSON.parse(readFileSync(file, 'utf8'));
  }

  upLog() {
    return existsSync(this.log) ? readFileSync(this.log, 'utf8') : '';
  }

  async end(signal) {
    const child = this.child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), stopLimitMs);
    await ended;
    clearTimeout(timer);
  }

  async dispose() {
    for (const end of this.ends.reverse()) await end();
    await this.end('SIGTERM');
  }

  /** Runs a program; resolves with code, stdout and stderr. Ends it after `limitMs`. */
  run(command, args, { cwd = this.work, input = '', limitMs = 120_000 } = {}) {
    return new Promise((resolve, reject) => {
      const child = spawn(command, args, { cwd, env: this.env });
      let stdout = '';
      let stderr = '';
      const timer = setTimeout(() => child.kill('SIGKILL'), limitMs);
      child.stdout.on('data', (data) => (stdout += data));
      child.stderr.on('data', (data) => (stderr += data));
      child.on('error', reject);
      child.on('close', (code, signal) => {
        clearTimeout(timer);
        resolve({ code: code ?? 128, signal, stdout, stderr, all: stdout + stderr });
      });
      child.stdin.on('error', () => {});
      child.stdin.end(input);
    });
  }

  /** Runs and fails the step unless the exit code is 0. */
  async must(command, args, options) {
    const result = await this.run(command, args, options);
    check(result.code === 0, `${command} ${args.join(' ')} ended with ${result.code}`, result.all);
    return result;
  }

  towpath(args, options) {
    return this.run(process.execPath, [this.program, ...args], options);
  }

  async git(...args) {
    return (await this.must('git', args, { cwd: this.clone })).stdout.trim();
  }

  /** Splits `namespace/name`. */
  key(text) {
    const [name, namespace = this.namespace] = text.split('/').reverse();
    return { namespace, name };
  }

  path(kind, { namespace, name }) {
    check(Object.hasOwn(places, kind), `no step knows the kind ${kind}`);
    const scope = kind === 'namespace' ? '' : `/namespaces/${namespace}`;
    return `${places[kind]}${scope}/${plurals[kind] ?? `${kind}s`}${name === undefined ? '' : `/${name}`}`;
  }

  /** One object; fails the step when it is not there. */
  async get(kind, text) {
    return this.api('GET', this.path(kind, this.key(text)));
  }

  async list(kind, namespace, query = '') {
    return (await this.api('GET', `${this.path(kind, { namespace })}${query}`)).items;
  }

  patch(kind, text, body) {
    const type = ['deployment', 'pod', 'service', 'namespace'].includes(kind) ? 'strategic-merge' : 'merge';
    return this.api('PATCH', this.path(kind, this.key(text)), body, `application/${type}-patch+json`);
  }

  /** One request to the API server with the kubeconfig's credentials. */
  async api(method, path, body, contentType = 'application/json') {
    const { status, text } = await new Promise((resolve, reject) => {
      const sent = this.apiRequest(method, path, contentType, (response) => {
        const chunks = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('end', () => resolve({ status: response.statusCode, text: Buffer.concat(chunks).toString() }));
        response.on('error', reject);
      });
      sent.on('error', (error) => reject(new StepFailure(`${method} ${path}: ${error.message}`)));
      sent.end(body === undefined ? undefined : JSON.stringify(body));
    });
    check(status < 300, `${method} ${path} answered ${status}`, text);
    return JSON.parse(text);
  }

  /** Calls `onLine` with each event of a watch until it returns true. */
  watch(path, onEvent, limitMs) {
    return new Promise((resolve, reject) => {
      let rest = '';
      const sent = this.apiRequest('GET', path, undefined, (response) => {
        response.on('error', () => {});
        response.on('data', (chunk) => {
          const lines = (rest + chunk).split('\n');
          rest = lines.pop();
          if (!lines.some((line) => onEvent(JSON.parse(line)))) return;
          clearTimeout(timer);
          sent.destroy();
          resolve();
        });
      });
      const timer = setTimeout(() => {
        sent.destroy();
        reject(new StepFailure(`${path} did not show it in ${limitMs / 1000} s`));
      }, limitMs);
      sent.on('error', () => {});
      sent.end();
    });
  }

  apiRequest(method, path, contentType, onResponse) {
    this.#api ??= readKubeconfig(this.ready?.kubeconfig ?? join(this.data, 'kubeconfig'));
    const { server, ca, token } = this.#api;
    const headers = {
      authorization: `Bearer ${token}`,
      accept: 'application/json',
      ...(contentType && { 'content-type': contentType }),
    };
    return request(new URL(path, server), { method, ca, headers, timeout: 15_000 }, onResponse);
  }
}

/** Towpath writes its kubeconfig with one cluster and one user. */
function readKubeconfig(file) {
  const text = readFileSync(file, 'utf8');
  const value = (key) => new RegExp(`^\\s*${key}:\\s*(\\S+)\\s*$`, 'm').exec(text)?.[1];
  return {
    server: value('server'),
    ca: Buffer.from(value('certificate-authority-data') ?? '', 'base64'),
    token: value('token'),
  };
}
