import { describe, expect, it } from 'vitest';
import { causeOf, placeOf } from './messages.ts';

/** As the controllers of Flux write them. */
const yaml =
  'failed to decode Kubernetes YAML from /tmp/kustomization-2173472957/apps/settings.yaml: MalformedYAMLError: yaml: line 6: did not find expected node content';
const chartFolder =
  "HelmChart 'shop/shop-web' is not ready: invalid chart reference: stat /tmp/helmchart-shop-shop-web-4245603726/source/charts/nothere: no such file or directory";
const noPath = 'kustomization path not found: stat /tmp/kustomization-3955896524/nowhere: no such file or directory';

describe('messages', () => {
  it.each([
    { message: yaml, cause: 'manifest-invalid' },
    { message: chartFolder, cause: 'chart-missing' },
    { message: noPath, cause: 'path-missing' },
    { message: 'Source artifact not found, retrying in 30s', cause: 'source-not-ready' },
  ])('$cause: $message', ({ message, cause }) => {
    expect(causeOf(message)?.cause).toBe(cause);
  });

  it('names the file in the repository, not its copy', () => {
    expect(placeOf(yaml)).toBe('apps/settings.yaml:6');
  });
});
