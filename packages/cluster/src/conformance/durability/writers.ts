/** A client that creates, updates, patches, applies and deletes its own objects until the server is gone. */

import type { Random } from '@towpath/kit';
import type { Call, Connection } from './api-process.ts';
import { collectionPath } from './history.ts';
import type { Attempt, Ledger } from './ledger.ts';

const objectsEach = 6;
/** One delete of so many writes; the others change the object, each way alike. */
const deleteEvery = 5;
/** Now and then an object of several pages. */
const largeEvery = 12;
const largeChars = 20_000;

export interface Writer {
  readonly connection: Connection;
  readonly ledger: Ledger;
  readonly random: Random;
  readonly index: number;
}

/** Resolves when the connection broke. */
export async function writeUntilKilled(writer: Writer): Promise<void> {
  const { connection, ledger, random, index } = writer;
  for (let count = 0; ; count++) {
    const name = `w${index}-${random.integer(objectsEach)}`;
    const { attempt, call } = nextWrite({ ledger, random, name, count });
    ledger.begin(attempt);
    try {
      const { status, body } = await connection.call(call);
      if (status >= 300) {
        ledger.fail(`${call.method} ${name} was answered ${status}: ${body.message ?? ''}`);
        return;
      }
      // The answer to a deletion has no resourceVersion.
      ledger.acknowledge(attempt, attempt.value === undefined ? 0 : Number(body.metadata?.resourceVersion));
    } catch {
      return;
    }
  }
}

function nextWrite(parts: { ledger: Ledger; random: Random; name: string; count: number }): {
  attempt: Attempt;
  call: Call;
} {
  const { ledger, random, name, count } = parts;
  const isThere = ledger.known(name) !== undefined;
  const path = `${collectionPath}/${name}`;
  if (isThere && random.integer(deleteEvery) === 0) {
    return { attempt: { name, value: undefined }, call: { method: 'DELETE', path } };
  }
  const value = `${name}-${count}-${random.integer(1_000_000)}`;
  const attempt = { name, value };
  const large = random.integer(largeEvery) === 0 ? { large: 'x'.repeat(random.integer(largeChars)) } : {};
  const data = { value, ...large };
  const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data };
  if (!isThere) return { attempt, call: { method: 'POST', path: collectionPath, body } };
  switch (random.integer(3)) {
    case 0:
      return { attempt, call: { method: 'PUT', path, body } };
    case 1:
      return { attempt, call: { method: 'PATCH', path, body: { data }, contentType: 'application/merge-patch+json' } };
    default: {
      const applied = `${path}?fieldManager=writer&force=true`;
      return { attempt, call: { method: 'PATCH', path: applied, body, contentType: 'application/apply-patch+yaml' } };
    }
  }
}
