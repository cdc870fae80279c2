import { describe, expect, test } from 'vitest';
import { canonicalName, parseImageName } from './image-name.ts';

describe('names of images', () => {
  test.each([
    { image: 'alpine', canonical: 'index.docker.io/library/alpine', scheme: 'https' },
    { image: 'acme/frontend', canonical: 'index.docker.io/acme/frontend', scheme: 'https' },
    { image: 'docker.io/acme/frontend', canonical: 'index.docker.io/acme/frontend', scheme: 'https' },
    { image: 'ghcr.io/stefanprodan/podinfo', canonical: 'ghcr.io/stefanprodan/podinfo', scheme: 'https' },
    { image: '127.0.0.1:5000/a/b', canonical: '127.0.0.1:5000/a/b', scheme: 'http' },
    { image: 'localhost:5000/ab', canonical: 'localhost:5000/ab', scheme: 'http' },
    { image: '192.168.1.2:5000/a/b', canonical: '192.168.1.2:5000/a/b', scheme: 'http' },
    { image: 'registry.example/a/b', insecure: true, canonical: 'registry.example/a/b', scheme: 'http' },
  ])('$image', ({ image, insecure = false, canonical, scheme }) => {
    const parsed = parseImageName(image, insecure);

    expect(parsed.ok && [canonicalName(parsed.name), parsed.name.scheme]).toEqual([canonical, scheme]);
  });

  test.each([
    {
      image: 'https://ghcr.io/a/b',
      because: "image 'https://ghcr.io/a/b' should not include URL scheme; remove 'https://'",
    },
    { image: 'ghcr.io/a/b:v1', because: "image 'ghcr.io/a/b:v1' should not include a tag; remove ':v1'" },
    { image: 'acme/b:v1', because: "image 'acme/b:v1' should not include a tag; remove ':v1'" },
    { image: 'ghcr.io/A/b', because: 'could not parse reference: ghcr.io/A/b' },
    { image: 'a', because: 'could not parse reference: a' },
    { image: '', because: 'could not parse reference: ' },
  ])('$image is refused', ({ image, because }) => {
    expect(parseImageName(image, false)).toEqual({ ok: false, because });
  });
});
