/** Protobuf bodies, as Go clients encode them. */

import { describe, expect, it } from 'vitest';
import { decodeProtobuf } from './protobuf.ts';
import { TypeTable } from './type-table.ts';

const deployment =
  'azhzAAoVCgdhcHBzL3YxEgpEZXBsb3ltZW50EuUBCiEKAWQSABoAIgAqADIAOABCCAiA4s+qBhAAWgYKAWESAWISsQEIABIICgYKAWESAWIagAEKEAoAEgAaACIAKgAyADgAQgASbBJOCgFjEgFpIgF4IgF5KgBCDwoNCgNjcHUSBgoEMTAwbVIdChESDwoBLxIGCAAQUBoAGgAiABAAGAAgBSgAMABqAHIAgAEAiAEAkAEAogEAGgAyAEIASgBSAFgAYABoAIIBAIoBAJoBAMIBACIcCg1Sb2xsaW5nVXBkYXRlEgsSCQgBEAAaAzI1JSgAOAAaDAgAEAAYACAAKAA4ABoAIgA=';
const secret = 'azhzAAoMCgJ2MRIGU2VjcmV0EiQKEQoBcxIAGgAiACoAMgA4AEIAEgcKAWsSAgD/GgZPcGFxdWUaACIA';
const review =
  'azhzAAouChdhdXRob3JpemF0aW9uLms4cy5pby92MRITU3ViamVjdEFjY2Vzc1JldmlldxIwChAKABIAGgAiACoAMgA4AEIAEhIaAXUqCwoBZRIGCgExCgEyMgAaCAgAEgAaACAAGgAiAA==';

function decode(base64: string): unknown {
  return decodeProtobuf(Buffer.from(base64, 'base64'), new TypeTable());
}

describe('decodeProtobuf', () => {
  it('keeps pointers to zero, reads quantities, times, embedded handlers and int-or-string', () => {
    expect(decode(deployment)).toEqual({
      kind: 'Deployment',
      apiVersion: 'apps/v1',
      metadata: { name: 'd', labels: { a: 'b' }, creationTimestamp: '2023-11-14T22:13:20Z' },
      spec: {
        replicas: 0,
        selector: { matchLabels: { a: 'b' } },
        template: {
          metadata: {},
          spec: {
            containers: [
              {
                name: 'c',
                image: 'i',
                args: ['x', 'y'],
                resources: { limits: { cpu: '100m' } },
                livenessProbe: { httpGet: { path: '/', port: 80 }, periodSeconds: 5 },
              },
            ],
          },
        },
        strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%' } },
      },
      status: {},
    });
  });

  it('reads bytes as base64', () => {
    expect(decode(secret)).toMatchObject({ kind: 'Secret', data: { k: 'AP8=' }, type: 'Opaque' });
  });

  it('reads maps of lists', () => {
    expect(decode(review)).toMatchObject({ spec: { user: 'u', extra: { e: ['1', '2'] } } });
  });

  it.each([
    { name: 'text', body: 'hello', message: 'does not start with its prefix' },
    {
      name: 'a body that ends early',
      body: Buffer.from(secret, 'base64').subarray(0, 30),
      message: 'proto: unexpected EOF',
    },
  ])('refuses $name', ({ body, message }) => {
    expect(() => decodeProtobuf(Buffer.from(body), new TypeTable())).toThrow(message);
  });
});
