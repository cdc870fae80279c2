/** A real Kubernetes control plane on free loopback ports, in a folder of its own, ended by process id. */

import { spawn, type ChildProcess } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Disposer, TowpathError, type Clock } from '@towpath/kit';
import { createAuthority, signCertificate } from '../../apiserver/serving/certificates.ts';
import { kubeconfigText } from '../../apiserver/serving/credentials.ts';

export interface RealControlPlaneOptions {
  /** Paths as `buildReal` gives them; those that are absent are not started. */
  readonly programs: {
    readonly etcd: string;
    readonly 'kube-apiserver': string;
    readonly 'kube-controller-manager'?: string | undefined;
    readonly 'kube-scheduler'?: string | undefined;
  };
  readonly clock: Clock;
  /** Further arguments of kube-apiserver; a flag given again wins. */
  readonly apiServerArgs?: readonly string[];
}

export interface RealControlPlane {
  readonly url: string;
  /** PEM of the authority that signed the server's certificate. */
  readonly caPem: string;
  /** Of an administrator (system:masters). */
  readonly token: string;
  /** A kubeconfig file of that administrator; it goes with the folder. */
  readonly kubeconfigFile: string;
  /** Process ids by program. */
  readonly pids: Readonly<Record<string, number>>;
  /** From the start of etcd until /readyz answered 200. */
  readonly readyMs: number;
  /** Ends the processes and removes the folder. */
  dispose(): Promise<void>;
}

const token = 'administrator-of-a-throw-away-cluster';
const readyLimitMs = 90_000;
const pollMs = 25;
const killAfterMs = 10_000;
const issuer = 'https://kubernetes.default.svc.cluster.local';

/** Starts etcd, kube-apiserver and what else has a path; resolves when the API server is ready. */
export async function startRealControlPlane(options: RealControlPlaneOptions): Promise<RealControlPlane> {
  const { programs, clock } = options;
  const folder = await mkdtemp(join(tmpdir(), 'towpath-real-'));
  const ends = new Disposer();
  ends.add(() => rm(folder, { recursive: true, force: true }));
  try {
    const files = await writeFiles(folder, clock);
    const [etcdPort, peerPort, port] = await freePorts();
    const start = (name: string, program: string, args: readonly string[]): number =>
      startProgram({ ends, folder, name, program, args, clock });
    const startedAtMs = clock.monotonicMs();
    const etcdUrl = `http://127.0.0.1:${etcdPort}`;
    const pids: Record<string, number> = {};
    pids['etcd'] = start('etcd', programs.etcd, etcdArgs(folder, etcdUrl, `http://127.0.0.1:${peerPort}`));
    const apiArgs = apiServerArgs(files, etcdUrl, port);
    pids['kube-apiserver'] = start('kube-apiserver', programs['kube-apiserver'], [
      ...apiArgs,
      ...(options.apiServerArgs ?? []),
    ]);
    const url = `https://127.0.0.1:${port}`;
    await untilReady(url, files.caPem, clock);
    const readyMs = clock.monotonicMs() - startedAtMs;
    await writeFile(files.kubeconfig, kubeconfigText({ server: url, ca: files.caPem, token, name: 'real' }));
    for (const name of ['kube-controller-manager', 'kube-scheduler'] as const) {
      const program = programs[name];
      if (program === undefined) continue;
      const args = ['--kubeconfig', files.kubeconfig, '--leader-elect=false', '--secure-port', '0'];
      pids[name] = start(name, program, name === 'kube-scheduler' ? args : [...args, ...managerArgs(files)]);
    }
    return {
      url,
      caPem: files.caPem,
      token,
      kubeconfigFile: files.kubeconfig,
      pids,
      readyMs,
      dispose: () => ends.dispose(),
    };
  } catch (error) {
    await ends.dispose();
    throw error;
  }
}

interface Files {
  readonly caPem: string;
  readonly ca: string;
  readonly caKey: string;
  readonly certificate: string;
  readonly key: string;
  readonly signingKey: string;
  /** What kube-apiserver shows to kubelets. */
  readonly kubeletClientCertificate: string;
  readonly kubeletClientKey: string;
  readonly tokens: string;
  readonly kubeconfig: string;
  readonly certificates: string;
}

async function writeFiles(folder: string, clock: Clock): Promise<Files> {
  const authority = await createAuthority(clock);
  const names = { dnsNames: ['localhost', 'kubernetes.default.svc'], ips: ['127.0.0.1', '10.96.0.1'] };
  const server = await signCertificate(authority, { subject: 'CN=kube-apiserver', usage: 'server', ...names }, clock);
  const subject = 'CN=kube-apiserver-kubelet-client, O=system:masters';
  const kubeletClient = await signCertificate(authority, { subject, usage: 'client' }, clock);
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const path = (name: string): string => join(folder, name);
  const files = {
    caPem: authority.certificate,
    ca: path('ca.crt'),
    caKey: path('ca.key'),
    certificate: path('server.crt'),
    key: path('server.key'),
    signingKey: path('service-accounts.key'),
    kubeletClientCertificate: path('kubelet-client.crt'),
    kubeletClientKey: path('kubelet-client.key'),
    tokens: path('tokens.csv'),
    kubeconfig: path('kubeconfig'),
    certificates: path('certificates'),
  };
  await Promise.all([
    writeFile(files.ca, authority.certificate),
    writeFile(files.caKey, authority.key),
    writeFile(files.certificate, server.certificate),
    writeFile(files.key, server.key),
    writeFile(files.signingKey, privateKey.export({ type: 'pkcs1', format: 'pem' })),
    writeFile(files.kubeletClientCertificate, kubeletClient.certificate),
    writeFile(files.kubeletClientKey, kubeletClient.key),
    writeFile(files.tokens, `${token},kubernetes-admin,,system:masters\n`),
  ]);
  return files;
}

function etcdArgs(folder: string, url: string, peerUrl: string): string[] {
  return flags({
    'data-dir': join(folder, 'etcd'),
    'listen-client-urls': url,
    'advertise-client-urls': url,
    'listen-peer-urls': peerUrl,
    'initial-advertise-peer-urls': peerUrl,
    'initial-cluster': `default=${peerUrl}`,
  });
}

function apiServerArgs(files: Files, etcdUrl: string, port: number): string[] {
  return flags({
    'etcd-servers': etcdUrl,
    'bind-address': '127.0.0.1',
    'secure-port': String(port),
    'cert-dir': files.certificates,
    'tls-cert-file': files.certificate,
    'tls-private-key-file': files.key,
    'client-ca-file': files.ca,
    'token-auth-file': files.tokens,
    'authorization-mode': 'RBAC',
    'service-account-issuer': issuer,
    'service-account-key-file': files.signingKey,
    'service-account-signing-key-file': files.signingKey,
    'kubelet-client-certificate': files.kubeletClientCertificate,
    'kubelet-client-key': files.kubeletClientKey,
    'service-cluster-ip-range': '10.96.0.0/16',
    'allow-privileged': 'true',
    'endpoint-reconciler-type': 'none',
  });
}

function managerArgs(files: Files): string[] {
  return flags({
    'service-account-private-key-file': files.signingKey,
    'root-ca-file': files.ca,
    'cluster-signing-cert-file': files.ca,
    'cluster-signing-key-file': files.caKey,
    'use-service-account-credentials': 'true',
    // With the 20 requests a second of its defaults, what is compared on this control plane waits for it.
    'kube-api-qps': '200',
    'kube-api-burst': '400',
  });
}

function flags(values: Readonly<Record<string, string>>): string[] {
  return Object.entries(values).map(([name, value]) => `--${name}=${value}`);
}

/** Ports that were free a moment ago: the programs are told numbers, so nobody can hold them meanwhile. */
async function freePorts(): Promise<[number, number, number]> {
  const servers = [createServer(), createServer(), createServer()];
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve, reject) => {
          server.once('error', reject);
          server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
        }),
    ),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  const [first = 0, second = 0, third = 0] = ports;
  return [first, second, third];
}

interface ProgramStart {
  readonly ends: Disposer;
  readonly folder: string;
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly clock: Clock;
}

function startProgram({ ends, folder, name, program, args, clock }: ProgramStart): number {
  const log = createWriteStream(join(folder, `${name}.log`));
  const child = spawn(program, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });
  // A program that cannot be started shows as a server that is never ready.
  child.on('error', (error) => log.write(`${error.message}\n`));
  ends.add(() => endChild(child, clock));
  return child.pid ?? 0;
}

function endChild(child: ChildProcess, clock: Clock): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    const limit = clock.startTimer(killAfterMs, () => child.kill('SIGKILL'));
    child.once('exit', () => {
      limit.cancel();
      resolve();
    });
    child.kill('SIGTERM');
  });
}

async function untilReady(url: string, ca: string, clock: Clock): Promise<void> {
  const limitAtMs = clock.monotonicMs() + readyLimitMs;
  while (!(await isReady(url, ca))) {
    if (clock.monotonicMs() > limitAtMs) {
      const next = 'run the same programs by hand to see what they print';
      throw new TowpathError('REAL_NOT_READY', `kube-apiserver at ${url} is not ready after 90 s`, { next });
    }
    await clock.sleep(pollMs);
  }
}

function isReady(url: string, ca: string): Promise<boolean> {
  return new Promise((resolve) => {
    const headers = { authorization: `Bearer ${token}` };
    const probe = request(`${url}/readyz`, { ca, headers, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    probe.on('error', () => resolve(false));
    probe.end();
  });
}
