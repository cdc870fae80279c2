import { FakeClock } from '@towpath/kit/testing';
import { describe, expect, it } from 'vitest';
import { createOperatorLog } from './log.ts';

describe('operator log', () => {
  const lines: string[] = [];
  const log = createOperatorLog({ clock: new FakeClock(), print: (line) => lines.push(line) });
  const target = {
    key: { namespace: 'microservices-demo', name: 'frontend' },
    release: { name: 'frontend', namespace: 'microservices-demo' },
  };

  it('writes what users match on', () => {
    log.helm(target, 'Created a new Deployment called "frontend-hipster" in microservices-demo\n');
    log.release(target, 'info', 'upgrade succeeded', { revision: 'abc', phase: 'upgrade' });
    log.release(target, 'info', 'no changes', { action: 'skip' });

    expect(lines).toEqual([
      'ts=2026-01-01T00:00:00.000Z caller=helm.go:69 component=helm version=v3 info="Created a new Deployment called ' +
        '\\"frontend-hipster\\" in microservices-demo\\n" targetNamespace=microservices-demo release=frontend',
      'ts=2026-01-01T00:00:00.000Z caller=release.go:364 component=release release=frontend ' +
        'targetNamespace=microservices-demo resource=microservices-demo:helmrelease/frontend helmVersion=v3 ' +
        'info="upgrade succeeded" revision=abc phase=upgrade',
      'ts=2026-01-01T00:00:00.000Z caller=release.go:404 component=release release=frontend ' +
        'targetNamespace=microservices-demo resource=microservices-demo:helmrelease/frontend helmVersion=v3 ' +
        'info="no changes" action=skip',
    ]);
  });
});
