/** The key that an automation signs its commits with. The sentences are Flux's. Source: internal/source/signing.go. */

import { Secrets } from '@towpath/api';
import { prepareSigner, type PreparedSigner } from '@towpath/git';
import type { Client } from '@towpath/runtime';
import type { GitSpec } from './kinds.ts';

const members = {
  gpg: { article: 'a', key: 'git.asc', passphrase: 'passphrase' },
  ssh: { article: 'an', key: 'identity', passphrase: 'password' },
} as const;

/** Undefined where commits are not signed. The signer's files are the caller's to end. Throws with a sentence. */
export async function openSigner(git: GitSpec, namespace: string, client: Client): Promise<PreparedSigner | undefined> {
  const { signingKey } = git.commit;
  if (signingKey === undefined) return undefined;
  const { secretRef, type = 'gpg' } = signingKey;
  const { name } = secretRef;
  const secret = await client.get(Secrets, { namespace, name });
  if (secret === undefined) throw new Error(`could not find signing key secret '${name}': secrets "${name}" not found`);
  const data = secret.data ?? {};
  const textOf = (member: string): string | undefined =>
    data[member] === undefined ? undefined : Buffer.from(data[member], 'base64').toString('utf8');
  const member = members[type];
  const key = textOf(member.key);
  if (key === undefined) {
    throw new Error(`signing key secret '${name}' does not contain ${member.article} '${member.key}' key`);
  }
  const passphrase = textOf(member.passphrase);
  const made = await prepareSigner({ type, key, passphrase });
  if (made.ok) return made.signer;
  throw new Error(
    because(made, { name, type, passphraseMember: passphrase === undefined ? member.passphrase : undefined }),
  );
}

type Failed = Exclude<Awaited<ReturnType<typeof prepareSigner>>, { readonly ok: true }>;

function because(
  failed: Failed,
  { name, type, passphraseMember }: { name: string; type: 'gpg' | 'ssh'; passphraseMember: string | undefined },
): string {
  switch (failed.because) {
    case 'passphrase':
      if (passphraseMember !== undefined) {
        return `can not use passphrase protected signing key without '${passphraseMember}' field present in secret ${name}`;
      }
      return type === 'gpg'
        ? `could not decrypt private key of the signing key present in secret ${name}: ${failed.detail}`
        : `could not parse SSH signing key from secret '${name}': ${failed.detail}`;
    case 'several':
      return `multiple entities read from secret '${name}', could not determine which signing key to use`;
    case 'key':
      return type === 'gpg'
        ? `could not read signing key from secret '${name}': ${failed.detail}`
        : `could not parse SSH signing key from secret '${name}': ${failed.detail}`;
    case 'program':
      return `commits cannot be signed with a ${type} key here: ${failed.detail}`;
  }
}
