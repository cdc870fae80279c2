/** One sample of `towpath init` on a Towpath of its own, driven by the lines its README has. */

import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { expect, Walk } from '../walk.mjs';

const startLimitMs = 300_000;
const canaryLimitMs = 420_000;

/** One sample on its own Towpath. */
export class Bench {
  #server;

  constructor({ root, dist, sample, work, port }) {
    Object.assign(this, { root, sample, work, port, data: join(work, `${sample.name}-data`) });
    const bin = join(work, 'bin');
    for (const folder of ['home', 'bin']) mkdirSync(join(work, folder), { recursive: true });
    const program = join(root, dist, 'towpath.js');
    writeFileSync(join(bin, 'towpath'), `#!/bin/sh\nexec '${process.execPath}' '${program}' "$@"\n`);
    chmodSync(join(bin, 'towpath'), 0o755);
    const ready = { git: `http://127.0.0.1:${port}`, kubeconfig: join(this.data, 'kubeconfig') };
    this.walk = new Walk({ root, dist, work, ready });
    const who = Object.fromEntries(
      ['AUTHOR', 'COMMITTER'].flatMap((role) => [
        [`GIT_${role}_NAME`, 'A new user'],
        [`GIT_${role}_EMAIL`, 'new@example.com'],
      ]),
    );
    // Images of an engine belong to the real home folder.
    const env = {
      HOME: process.env.HOME ?? this.walk.env.HOME,
      TOWPATH_DATA: undefined,
      KUBECONFIG: undefined,
      ...who,
    };
    this.env = { ...this.walk.env, ...env, PATH: `${bin}${delimiter}${process.env.PATH}` };
    for (const name of ['TOWPATH_DATA', 'KUBECONFIG']) delete this.env[name];
  }

  /** The README's lines with this run's folders and port. */
  lines(block) {
    return `set -e\n${block}`.replaceAll('/tmp/', `${this.work}/`).replaceAll('8480', String(this.port));
  }

  async paste(block) {
    const result = await this.walk.run('bash', ['-c', this.lines(block)], { cwd: this.root, env: this.env });
    expect(result.code === 0, `the lines ended with ${result.code}:\n${block}`, result.all);
  }

  async start() {
    const log = join(this.work, 'up.log');
    const out = openSync(log, 'a');
    const lines = this.lines(this.sample.deliver).replace(/^towpath up/m, 'exec towpath up');
    this.#server = spawn('bash', ['-c', lines], { cwd: this.root, env: this.env, stdio: ['ignore', out, out] });
    const until = Date.now() + startLimitMs;
    while (!existsSync(join(this.data, 'ready.json'))) {
      const ended = this.#server.exitCode;
      const text = readFileSync(log, 'utf8');
      expect(ended === null, `towpath up ended with ${ended}`, text);
      expect(Date.now() < until, 'towpath up is not ready', text);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    await this.reach(['Initialized']);
  }

  async again() {
    const folder = join(this.work, this.sample.name);
    const answer = await this.walk.must('towpath', ['init', '--output', 'json'], { cwd: folder, env: this.env });
    const { written, kept } = JSON.parse(answer.stdout);
    expect(written.length === 0 && kept.length > 10, 'files were written again', answer.stdout);
    const status = await this.walk.must('git', ['status', '--porcelain'], { cwd: folder });
    expect(status.stdout === '', 'the work tree is not as it was committed', status.stdout);
  }

  async loaded() {
    const { name } = this.sample;
    const query = `sum by (response_code, grpc_response_status) (rate(istio_requests_total{reporter="destination",destination_workload="${name}-primary"}[30s])) > 0`;
    const address = `${this.walk.git}/prometheus/api/v1/query?query=${encodeURIComponent(query)}`;
    await this.walk.eventually(async () => {
      const { data } = await (await fetch(address)).json();
      const counted = data?.result?.map(({ metric }) => `${metric.response_code}/${metric.grpc_response_status ?? ''}`);
      const good = this.sample.folder === 'node-grpc' ? '200/0' : '200/';
      expect(counted?.join() === good, `expected answers ${good} only`, JSON.stringify(data));
    });
  }

  async promoted() {
    const before = await this.primaryImage();
    await this.paste(this.sample.good);
    await this.reach(['Progressing', 'Promoting', 'Finalising']);
    await this.reach(['Succeeded']);
    const after = await this.primaryImage();
    expect(after !== before, 'the primary has the image it had', after);
  }

  async rolledBack() {
    const before = await this.primaryImage();
    await this.paste(this.sample.bad);
    await this.reach(['Progressing']);
    await this.reach(['Failed']);
    const after = await this.primaryImage();
    expect(after === before, `the primary had ${before}`, after);
  }

  async primaryImage() {
    const { name } = this.sample;
    const deployment = JSON.parse(await this.get(['deployment', `${name}-primary`, '-o', 'json']));
    return deployment.spec.template.spec.containers[0].image;
  }

  /** Waits for one of the phases; a phase that ends a canary and is none of them fails at once. */
  async reach(phases) {
    const { name } = this.sample;
    let ended;
    await this.walk.eventually(async () => {
      const canary = JSON.parse(await this.get(['canary', name, '-o', 'json']));
      const phase = canary.status?.phase;
      if (phases[0] === 'Succeeded' && phase === 'Failed') ended = JSON.stringify(canary.status);
      if (phases[0] === 'Failed' && phase === 'Succeeded') ended = JSON.stringify(canary.status);
      if (ended === undefined) expect(phases.includes(phase), `the canary is not ${phases.join(' or ')}`, phase);
    }, canaryLimitMs);
    expect(ended === undefined, `the canary is not ${phases.join(' or ')}`, ended);
  }

  async get(args) {
    const kubeconfig = ['--kubeconfig', join(this.data, 'kubeconfig')];
    const more = ['-n', this.sample.name, ...kubeconfig];
    return (await this.walk.must('towpath', ['get', ...args, ...more], { env: this.env })).stdout;
  }

  async stop() {
    if (this.#server === undefined || this.#server.exitCode !== null) return;
    const gone = new Promise((resolve) => this.#server.once('exit', resolve));
    this.#server.kill('SIGTERM');
    const timer = setTimeout(() => this.#server.kill('SIGKILL'), 30_000);
    await gone;
    clearTimeout(timer);
  }
}
