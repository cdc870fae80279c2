/** `--ca-file`, `--cert-file`, `--key-file`: read before anything else, as helm does, whether they are needed or not. */

import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { createSecureContext } from 'node:tls';
import { codeOf, messageOf } from '@towpath/kit';
import type { CliContext } from '../../context.ts';
import { flagError } from './pflag.ts';

export interface TlsFlags {
  readonly caFile?: string | undefined;
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
}

/** Throws helm's sentence for files that are not there or hold something else. Source: helm 3 internal/tlsutil. */
export async function checkTlsFiles(context: CliContext, flags: TlsFlags): Promise<void> {
  const { caFile = '', certFile = '', keyFile = '' } = flags;
  const read = (file: string): Promise<string> => readFile(resolve(context.cwd, file), 'utf8');
  const fail = (why: string): never => {
    throw flagError(`missing registry client: can't create TLS config for client: ${why}`);
  };
  if (certFile !== '' && keyFile !== '') {
    try {
      createSecureContext({ cert: await read(certFile), key: await read(keyFile) });
    } catch (error) {
      const missing = error as NodeJS.ErrnoException;
      const why =
        codeOf(error) === 'ENOENT' ? `open ${String(missing.path)}: no such file or directory` : messageOf(error);
      fail(`can't load key pair from cert ${certFile} and key ${keyFile}: ${why}`);
    }
  }
  if (caFile === '') return;
  const text = await read(caFile).catch(() => fail(`can't read CA file: ${caFile}`));
  if (!text.includes('-----BEGIN CERTIFICATE-----')) fail(`failed to append certificates from file: ${caFile}`);
}
