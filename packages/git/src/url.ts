/** Checks and prints repository URLs: what may be handed to the git command, and what may be shown. */

import { gitError } from './errors.ts';

export interface RemoteUrl {
  readonly protocol: 'http' | 'https' | 'ssh' | 'git' | 'file';
  /** As given to git; credentials are kept out of it and passed by {@link GitAuth}. */
  readonly url: string;
  readonly host: string;
  /** The part after the host without slashes at either end and without `.git`. */
  readonly path: string;
}

export interface RemoteUrlOptions {
  /** Also accept absolute paths and `file://`; only for repositories that the process itself made. */
  readonly allowFile?: boolean;
}

const scpForm = /^(?:([A-Za-z0-9._-]+)@)?([A-Za-z0-9][A-Za-z0-9._-]*):(?!\/\/)(.+)$/;
const controlCharacters = /\p{Cc}/u;

/**
 * Parses a repository URL and refuses what git would take for an option or a transport helper.
 * Throws `GIT_URL_REFUSED`.
 */
export function parseRemoteUrl(text: string, options: RemoteUrlOptions = {}): RemoteUrl {
  const shown = safeUrl(text);
  if (text === '') throw refused(shown, 'it is empty');
  if (text.length > 2048) throw refused(`${shown.slice(0, 80)}…`, 'it is longer than 2048 characters');
  if (text.startsWith('-')) throw refused(shown, 'it starts with a dash');
  if (controlCharacters.test(text)) throw refused(shown, 'it contains control characters');
  if (text.includes('::')) throw refused(shown, 'transport helpers (name::address) are not allowed');
  if (text.startsWith('/')) return fileUrl(text, text, shown, options);
  const scp = text.includes('://') ? null : scpForm.exec(text);
  if (scp !== null)
    return checked({ protocol: 'ssh', url: text, host: scp[2] ?? '', path: trimPath(scp[3] ?? '') }, shown);
  return parseFullUrl(text, shown, options);
}

function parseFullUrl(text: string, shown: string, options: RemoteUrlOptions): RemoteUrl {
  let parsed: URL;
  try {
    parsed = new URL(text);
  } catch {
    throw refused(shown, 'it is no URL');
  }
  const protocol = parsed.protocol.slice(0, -1);
  if (protocol === 'file') return fileUrl(text, decodeURIComponent(parsed.pathname), shown, options);
  if (protocol !== 'http' && protocol !== 'https' && protocol !== 'ssh' && protocol !== 'git') {
    throw refused(shown, `the protocol ${protocol} is not one of https, http, ssh, git`);
  }
  if (protocol !== 'ssh') {
    parsed.username = '';
    parsed.password = '';
  } else {
    parsed.password = '';
  }
  const path = trimPath(decodeURIComponent(parsed.pathname));
  return checked({ protocol, url: parsed.href, host: parsed.hostname, path }, shown);
}

function checked(remote: RemoteUrl, shown: string): RemoteUrl {
  if (remote.host === '' || remote.host.startsWith('-')) throw refused(shown, 'its host is not a host name');
  if (remote.path === '' || remote.path.startsWith('-')) throw refused(shown, 'it names no repository');
  return remote;
}

function fileUrl(url: string, path: string, shown: string, options: RemoteUrlOptions): RemoteUrl {
  if (options.allowFile !== true) throw refused(shown, 'local paths are not allowed here');
  return { protocol: 'file', url, host: '', path: trimPath(path) };
}

function trimPath(path: string): string {
  return path.replace(/^\/+|\/+$/g, '').replace(/\.git$/, '');
}

function refused(shown: string, because: string): Error {
  return gitError('GIT_URL_REFUSED', `the repository URL ${shown} is refused: ${because}`, {
    next: 'use an https:// or ssh:// URL',
  });
}

/** User name and password written inside an http(s) URL, which never reach a command line or a message. */
export function credentialsInUrl(text: string): { username: string; password: string } | undefined {
  if (!URL.canParse(text)) return undefined;
  const { protocol, username, password } = new URL(text);
  if (!protocol.startsWith('http') || (username === '' && password === '')) return undefined;
  return { username: decodeURIComponent(username), password: decodeURIComponent(password) };
}

/** The URL as it may be shown: credentials masked, control characters removed. */
export function safeUrl(text: string): string {
  const printable = text.replace(new RegExp(controlCharacters, 'gu'), '');
  return printable.replace(/^([a-z][a-z0-9+.-]*:\/\/)([^/@]*)@/i, (_, scheme: string, user: string) => {
    const name = user.split(':')[0] ?? '';
    return scheme.toLowerCase() === 'ssh://' && !user.includes(':') ? `${scheme}${name}@` : `${scheme}***@`;
  });
}

/**
 * A form in which two spellings of one repository are equal: host and path, lower-case host, no user, no `.git`.
 * `https://host/a/b.git`, `ssh://git@host/a/b` and `git@host:a/b.git` all give `host/a/b`.
 */
export function repositoryIdentity(text: string): string {
  try {
    const { host, path } = parseRemoteUrl(text, { allowFile: true });
    return `${host.toLowerCase()}/${path}`;
  } catch {
    return text;
  }
}
