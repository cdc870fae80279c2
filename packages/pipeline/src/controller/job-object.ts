/** The batch/v1 Job of one attempt at one job. Pure. */

import { hostShellImage, ownerReference, towpathNamespace, type AnyObject, type Pipeline } from '@towpath/api';
import { attemptAnnotation, jobAnnotation, labelName, pipelineLabel, repositoryLabel } from '../names.ts';

export interface JobObjectInput {
  readonly pipeline: Pipeline;
  readonly job: { readonly name: string; readonly timeoutSeconds: number };
  /** From 1. */
  readonly attempt: number;
  readonly image: string;
  readonly script: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Folders of the host the script uses, mounted at their own paths. */
  readonly hostFolders: readonly string[];
}

/** The name is the same for the same attempt: creating it twice is one Job. */
export function jobObject(input: JobObjectInput): AnyObject {
  const { pipeline, job, attempt } = input;
  const suffix = attempt === 1 ? [] : [String(attempt)];
  const labels = { [pipelineLabel]: pipeline.metadata.name, [repositoryLabel]: pipeline.spec.repository };
  const annotations = { [jobAnnotation]: job.name, [attemptAnnotation]: String(attempt) };
  const volumes = input.hostFolders.map((path, index) => ({
    name: `host-${index}`,
    hostPath: { path, type: 'DirectoryOrCreate' },
  }));
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: labelName([pipeline.metadata.name, job.name, ...suffix]),
      namespace: towpathNamespace,
      labels,
      annotations,
      ownerReferences: [ownerReference(pipeline)],
    },
    spec: {
      backoffLimit: 0,
      activeDeadlineSeconds: job.timeoutSeconds,
      template: {
        metadata: { labels, annotations },
        spec: {
          restartPolicy: 'Never',
          automountServiceAccountToken: false,
          enableServiceLinks: false,
          terminationGracePeriodSeconds: 5,
          containers: [
            {
              name: 'build',
              image: input.image,
              command: ['/bin/sh', '-c', escapeReferences(input.script)],
              env: Object.entries(input.environment).map(([name, value]) => ({ name, value: escapeReferences(value) })),
              volumeMounts: volumes.map((volume, index) => ({
                name: volume.name,
                mountPath: input.hostFolders[index] ?? '',
              })),
              resources: { requests: { cpu: '100m', memory: '64Mi' } },
            },
          ],
          volumes,
        },
      },
    },
  };
}

/** Kubernetes expands `$(NAME)` in commands and values; `$$` is its way to write a dollar. */
function escapeReferences(text: string): string {
  return text.replaceAll('$', '$$$$');
}

/** Jobs whose image cannot be reached or run use the host's shell. */
export const shellImage = hostShellImage;
