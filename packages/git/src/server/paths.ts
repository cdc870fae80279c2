/** Which repository and which service a smart-HTTP path names. */

export interface GitRoute {
  /** e.g. acme/shop */
  readonly repository: string;
  readonly service: 'upload-pack' | 'receive-pack';
  /** The first request of a fetch or push, which lists refs. */
  readonly advertisement: boolean;
}

const segment = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$/;

/** True for `owner/name` as this server accepts it: one to four segments, no dots first, no `.git` or `.lock` at the end. */
export function isRepositoryName(name: string): boolean {
  const parts = name.split('/');
  if (parts.length < 1 || parts.length > 4) return false;
  return parts.every((part) => segment.test(part) && !part.includes('..') && !/\.(git|lock)$/.test(part));
}

/** The route, or undefined for a path that is none of smart HTTP's three. */
export function parseGitRoute(method: string, pathname: string, query: URLSearchParams): GitRoute | undefined {
  const match = /^\/(.+?)(?:\.git)?\/(info\/refs|git-upload-pack|git-receive-pack)$/.exec(pathname);
  const repository = match?.[1] ?? '';
  const action = match?.[2] ?? '';
  if (!isRepositoryName(repository)) return undefined;
  if (action === 'info/refs') {
    const service = query.get('service');
    if (method !== 'GET' || (service !== 'git-upload-pack' && service !== 'git-receive-pack')) return undefined;
    return { repository, service: service === 'git-upload-pack' ? 'upload-pack' : 'receive-pack', advertisement: true };
  }
  if (method !== 'POST') return undefined;
  return { repository, service: action === 'git-upload-pack' ? 'upload-pack' : 'receive-pack', advertisement: false };
}
