/** Keeps secrets out of reports: the data of Secrets, and whatever its key says is a credential. */

import { isRecord } from '@towpath/kit';

export const masked = '***';

const credential =
  /pass(word|wd|phrase)?$|^pw$|secret|token|api[-_]?key|access[-_]?key|private[-_]?key|credential|connection[-_]?string|\bdsn\b|authorization|auth[-_]?header|license[-_]?key/i;
/** Names of secrets, not secrets. */
const reference =
  /(name|names|ref|refs|path|file|mount|type|ttl|expirationseconds|secrets|enabled|id)$|^(secretkeyref|tokenreview|automountserviceaccounttoken)$/i;

/** True when a value under that key is not to be shown. */
export function isCredentialKey(key: string): boolean {
  return credential.test(key) && !reference.test(key);
}

/**
 * `value` as it may be shown: `path` are the keys above it. Texts, numbers and lists below a credential's key become `***`;
 * so does the `value` of an entry whose `name` says so.
 */
export function maskValue(value: unknown, path: readonly string[], options: { isSecret: boolean }): unknown {
  if (value === undefined || value === null) return value;
  if (options.isSecret && isSecretData(path)) return maskAll(value);
  if (path.some(isCredentialKey) && typeof value !== 'boolean') return maskAll(value);
  if (typeof value === 'string') return maskText(value);
  if (Array.isArray(value)) return value.map((item, index) => maskValue(item, [...path, String(index)], options));
  if (!isRecord(value)) return value;
  const name = typeof value['name'] === 'string' ? value['name'] : '';
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      key === 'value' && isCredentialKey(name) ? maskAll(item) : maskValue(item, [...path, key], options),
    ]),
  );
}

/** Credentials inside of text: in URLs, after `Bearer`, in lines such as `password: x`, and PEM keys. */
export function maskText(text: string): string {
  return text
    .replaceAll(/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g, masked)
    .replaceAll(/([a-z][a-z0-9+.-]*:\/\/[^\s:/@]*):[^\s@/]+@/gi, `$1:${masked}@`)
    .replaceAll(/\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{8,}/g, `$1 ${masked}`)
    .replaceAll(
      /^([ \t]*(?:export\s+)?["']?([\w.-]+)["']?[ \t]*[:=][ \t]*)(\S.*)$/gm,
      (line, head: string, key: string) => (isCredentialKey(key) ? `${head}${masked}` : line),
    )
    .replaceAll(/(--?([\w-]+)[= ])(\S+)/g, (all, head: string, key: string) =>
      isCredentialKey(key) ? `${head}${masked}` : all,
    );
}

/** Members of a Secret are known by being right below these; the whole table counts too. */
function isSecretData([first]: readonly string[]): boolean {
  return first === 'data' || first === 'stringData';
}

function maskAll(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(maskAll);
  if (isRecord(value)) return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, maskAll(item)]));
  return masked;
}
