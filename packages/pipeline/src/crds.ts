/** The CustomResourceDefinitions of Repository, Image and Pipeline as data. */

import type { AnyObject } from '@towpath/api';

type Schema = Readonly<Record<string, unknown>>;

const text: Schema = { type: 'string' };
const time: Schema = { type: 'string', format: 'date-time' };
const textMap: Schema = { type: 'object', additionalProperties: text };

function object(properties: Readonly<Record<string, Schema>>, required: readonly string[] = []): Schema {
  return { type: 'object', properties, ...(required.length > 0 && { required }) };
}

function list(items: Schema): Schema {
  return { type: 'array', items };
}

function described(schema: Schema, description: string): Schema {
  return { ...schema, description };
}

interface Column {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'date';
  readonly jsonPath: string;
  readonly priority?: number;
}

const age: Column = { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' };

interface Definition {
  readonly kind: string;
  readonly plural: string;
  readonly shortNames: readonly string[];
  readonly spec: Schema;
  readonly status: Schema;
  readonly columns: readonly Column[];
}

function crd(definition: Definition): AnyObject {
  const { kind, plural, shortNames, spec, status, columns } = definition;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.towpath.dev` },
    spec: {
      group: 'towpath.dev',
      scope: 'Namespaced',
      names: { kind, listKind: `${kind}List`, plural, singular: kind.toLowerCase(), shortNames },
      versions: [
        {
          name: 'v1alpha1',
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: columns,
          schema: {
            openAPIV3Schema: object({ apiVersion: text, kind: text, metadata: { type: 'object' }, spec, status }, [
              'spec',
            ]),
          },
        },
      ],
    },
  };
}

const repository = crd({
  kind: 'Repository',
  plural: 'repositories',
  shortNames: ['repo'],
  spec: object({ url: described(text, 'Address inside the cluster.') }, ['url']),
  status: object({
    defaultBranch: text,
    branches: described(textMap, 'Branch name to commit id.'),
    tags: described(textMap, 'Tag name to commit id.'),
    lastPush: object({ ref: text, before: text, after: text, time }),
  }),
  columns: [
    { name: 'URL', type: 'string', jsonPath: '.spec.url' },
    { name: 'Branch', type: 'string', jsonPath: '.status.defaultBranch' },
    { name: 'Pushed', type: 'date', jsonPath: '.status.lastPush.time' },
    age,
  ],
});

const image = crd({
  kind: 'Image',
  plural: 'images',
  shortNames: ['img'],
  spec: object({ repository: described(text, 'Name in the registry, e.g. acme/frontend.') }, ['repository']),
  status: object({ tags: list(object({ name: text, digest: text, pushedAt: time }, ['name', 'digest'])) }),
  columns: [
    { name: 'Repository', type: 'string', jsonPath: '.spec.repository' },
    { name: 'Tags', type: 'string', jsonPath: '.status.tags[*].name' },
    age,
  ],
});

const phase: Schema = {
  type: 'string',
  enum: ['Pending', 'Running', 'Succeeded', 'Failed', 'Canceled', 'Skipped'],
};

const pipeline = crd({
  kind: 'Pipeline',
  plural: 'pipelines',
  shortNames: ['pl'],
  spec: object(
    {
      repository: described(text, 'Name of the Repository object.'),
      ref: described(text, 'refs/heads/… or refs/tags/…'),
      commit: text,
      before: described(text, 'The commit changes are counted from; all zeros for a new ref.'),
      iid: described({ type: 'integer', minimum: 1 }, 'Running number within the repository.'),
      source: { type: 'string', enum: ['push', 'web'] },
    },
    ['repository', 'ref', 'commit', 'before', 'iid', 'source'],
  ),
  status: object({
    phase,
    message: text,
    imageTag: described(text, 'The tag images of this run get.'),
    startedAt: time,
    finishedAt: time,
    jobs: list(
      object(
        {
          name: text,
          stage: text,
          phase,
          jobName: text,
          podName: text,
          message: text,
          startedAt: time,
          finishedAt: time,
        },
        ['name', 'stage', 'phase'],
      ),
    ),
  }),
  columns: [
    { name: 'Repository', type: 'string', jsonPath: '.spec.repository' },
    { name: 'Ref', type: 'string', jsonPath: '.spec.ref' },
    { name: 'Phase', type: 'string', jsonPath: '.status.phase' },
    { name: 'Tag', type: 'string', jsonPath: '.status.imageTag' },
    { name: 'Message', type: 'string', jsonPath: '.status.message' },
    { name: 'Commit', type: 'string', jsonPath: '.spec.commit', priority: 1 },
    age,
  ],
});

/** Repository, Image and Pipeline, to be applied before anything of this package runs. */
export const pipelineCrds: readonly AnyObject[] = [repository, image, pipeline];
