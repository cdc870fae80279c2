/** Credentials for a remote, turned into environment for one git call and never into arguments. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { gitError } from './errors.ts';
import { parseRemoteUrl } from './url.ts';

/** HTTPS user name and password or token; a token alone goes with any user name. */
export interface HttpAuth {
  readonly type: 'http';
  readonly username: string;
  readonly password: string;
}

/** A deploy key (PEM or OpenSSH) with the host keys that are accepted. */
export interface SshAuth {
  readonly type: 'ssh';
  readonly privateKey: string;
  /** Lines as in known_hosts. An unknown host is refused. */
  readonly knownHosts: string;
}

export type GitAuth = HttpAuth | SshAuth;

/** Certificates for https; PEM. */
export interface GitTls {
  /** Accepted beside those that Node brings along. */
  readonly ca?: string;
  /** Shown to the server. */
  readonly client?: { readonly cert: string; readonly key: string };
}

/** Environment for one call, and the end of the files it names. */
export interface AuthEnvironment {
  readonly env: Readonly<Record<string, string>>;
  dispose(): Promise<void>;
}

/**
 * Answers git's question for credentials of one origin. A header (`http.extraHeader`) would be simpler, but git keeps
 * sending it after a redirect to another host.
 */
const helper =
  '!f() { test "$1" = get && printf "username=%s\\npassword=%s\\n" "$TOWPATH_GIT_USERNAME" "$TOWPATH_GIT_PASSWORD"; }; f';

const nothing: AuthEnvironment = { env: {}, dispose: async () => {} };

/** Prepares credentials and certificates for calls to `url`. */
export async function prepareRemote(
  url: string,
  { auth, tls }: { auth?: GitAuth | undefined; tls?: GitTls | undefined },
): Promise<AuthEnvironment> {
  const credentials = await prepareAuth(url, auth);
  if (tls === undefined || !url.startsWith('https:')) return credentials;
  const certificates = await tlsEnvironment(tls);
  return {
    env: { ...credentials.env, ...certificates.env },
    dispose: async () => {
      await certificates.dispose();
      await credentials.dispose();
    },
  };
}

/** Git reads certificates from files only. */
async function tlsEnvironment({ ca, client }: GitTls): Promise<AuthEnvironment> {
  const folder = await mkdtemp(join(tmpdir(), 'towpath-tls-'));
  const put = async (name: string, text: string): Promise<string> => {
    const file = join(folder, name);
    await writeFile(file, text, { mode: 0o600 });
    return file;
  };
  return {
    env: {
      // Git's own list is replaced by this one.
      ...(ca !== undefined && { GIT_SSL_CAINFO: await put('ca.crt', [ca, ...rootCertificates].join('\n')) }),
      ...(client !== undefined && {
        GIT_SSL_CERT: await put('tls.crt', client.cert),
        GIT_SSL_KEY: await put('tls.key', client.key),
      }),
    },
    dispose: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Prepares `auth` for calls to `url`. Credentials are bound to the URL's own origin: a redirect does not get them. */
async function prepareAuth(url: string, auth: GitAuth | undefined): Promise<AuthEnvironment> {
  if (auth === undefined) return nothing;
  const remote = parseRemoteUrl(url, { allowFile: true });
  if (auth.type === 'http') {
    if (remote.protocol !== 'http' && remote.protocol !== 'https') return nothing;
    const { origin } = new URL(remote.url);
    return {
      env: {
        GIT_CONFIG_COUNT: '1',
        GIT_CONFIG_KEY_0: `credential.${origin}.helper`,
        GIT_CONFIG_VALUE_0: helper,
        TOWPATH_GIT_USERNAME: auth.username,
        TOWPATH_GIT_PASSWORD: auth.password,
      },
      dispose: async () => {},
    };
  }
  if (remote.protocol !== 'ssh') return nothing;
  return sshEnvironment(auth, remote.host);
}

async function sshEnvironment(auth: SshAuth, host: string): Promise<AuthEnvironment> {
  if (auth.knownHosts.trim() === '') {
    throw gitError('GIT_HOST_KEY', `no host key of ${host} is known`, {
      next: `add the output of ssh-keyscan ${host} to the key's known_hosts`,
    });
  }
  const folder = await mkdtemp(join(tmpdir(), 'towpath-ssh-'));
  const key = join(folder, 'identity');
  const knownHosts = join(folder, 'known_hosts');
  const pem = auth.privateKey.endsWith('\n') ? auth.privateKey : `${auth.privateKey}\n`;
  await writeFile(key, pem, { mode: 0o600 });
  await writeFile(knownHosts, auth.knownHosts, { mode: 0o600 });
  const options = [
    '-F /dev/null',
    `-i ${shellQuote(key)}`,
    '-o IdentitiesOnly=yes',
    '-o StrictHostKeyChecking=yes',
    `-o UserKnownHostsFile=${shellQuote(knownHosts)}`,
    '-o BatchMode=yes',
    '-o ConnectTimeout=15',
  ];
  return {
    env: { GIT_SSH_COMMAND: `ssh ${options.join(' ')}`, GIT_SSH_VARIANT: 'ssh' },
    dispose: () => rm(folder, { recursive: true, force: true }),
  };
}

/** One word for the shell that git runs GIT_SSH_COMMAND with. */
function shellQuote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
