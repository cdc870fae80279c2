/** Image names. */

import { describe, expect, it } from 'vitest';
import { formatImageReference, parseImageReference } from './reference.ts';

describe('parseImageReference', () => {
  it.each([
    { text: 'node', host: undefined, repository: 'node', tag: 'latest' },
    { text: 'node:20-slim', host: undefined, repository: 'node', tag: '20-slim' },
    { text: 'acme/frontend:v0.0.1', host: undefined, repository: 'acme/frontend', tag: 'v0.0.1' },
    { text: 'localhost:5000/a/b', host: 'localhost:5000', repository: 'a/b', tag: 'latest' },
    { text: 'registry.example/a:1', host: 'registry.example', repository: 'a', tag: '1' },
    { text: `a@sha256:${'0'.repeat(64)}`, host: undefined, repository: 'a', tag: undefined },
  ])('reads $text', ({ text, host, repository, tag }) => {
    expect(parseImageReference(text)).toMatchObject({ host, repository, tag });
    expect(parseImageReference(formatImageReference(parseImageReference(text)))).toEqual(parseImageReference(text));
  });

  it.each(['', 'Acme/x', 'acme/X', 'a:', 'a:b:c', '../x', 'a//b', 'a@sha256:12', `${'a'.repeat(256)}`, 'a b'])(
    'refuses %j',
    (text) => {
      expect(() => parseImageReference(text)).toThrowError(
        expect.objectContaining({ code: 'IMAGE_REFERENCE_INVALID' }),
      );
    },
  );
});
