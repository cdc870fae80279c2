/** Small charts and a context for tests of this package. */

import type { Transport } from '@towpath/api';
import { loadChart, type Chart } from '@towpath/charts';
import type { Clock } from '@towpath/kit';
import { seededRandom, type UnknownRecord } from '@towpath/kit';
import { Client } from '@towpath/runtime';
import type { ActionContext } from '../actions/context.ts';
import type { InstallOptions } from '../actions/install.ts';
import type { UpgradeOptions } from '../actions/upgrade.ts';
import { createReleaseStorage } from '../storage/secrets.ts';

const chartYaml = `apiVersion: v2
name: frontend
version: 0.21.0
appVersion: 1.16.0
`;

const valuesYaml = `image:
  repository: frontend
  tag: latest
name: frontend
replicas: 1
`;

const serviceYaml = `apiVersion: v1
kind: Service
metadata:
  name: frontend
spec:
  selector:
    app: frontend
  ports:
    - port: 80
      targetPort: 8080
`;

const deploymentYaml = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Values.name }}
spec:
  replicas: {{ .Values.replicas }}
  selector:
    matchLabels:
      app: frontend
  template:
    metadata:
      labels:
        app: frontend
    spec:
      containers:
        - name: server
          image: "{{ .Values.image.repository }}:{{ .Values.image.tag }}"
`;

export type TextFiles = Readonly<Record<string, string>>;

/** A Service and a Deployment, whose name, image and replicas are values. */
export const frontendFiles: TextFiles = {
  'Chart.yaml': chartYaml,
  'values.yaml': valuesYaml,
  'templates/service.yaml': serviceYaml,
  'templates/deployment.yaml': deploymentYaml,
};

/** Loads a chart from texts; undefined takes a file out. */
export function chartOf(files: TextFiles, changes: Readonly<Record<string, string | undefined>> = {}): Promise<Chart> {
  const merged = Object.entries({ ...files, ...changes }).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  return loadChart(new Map(merged.map(([name, text]) => [name, new TextEncoder().encode(text)])));
}

export interface TestAction {
  readonly context: ActionContext;
  readonly client: Client;
  /** What the action said, in order. */
  readonly said: string[];
}

export function actionContext(options: { transport: Transport; clock: Clock; namespace?: string }): TestAction {
  const { clock, namespace = 'default' } = options;
  const client = new Client({ transport: options.transport, fieldManager: 'helm' });
  const said: string[] = [];
  const storage = createReleaseStorage({ client, clock, namespace });
  const progress = (line: string): void => void said.push(line);
  return { client, said, context: { client, clock, random: seededRandom(7), namespace, storage, progress } };
}

const operation = {
  wait: false,
  waitForJobs: false,
  timeoutMs: 60_000,
  disableHooks: false,
  force: false,
  strictThreeWay: false,
  dryRun: 'none',
  atomic: false,
  takeOwnership: false,
  skipSchemaValidation: false,
  subchartNotes: false,
  description: undefined,
  labels: {},
} as const;

interface Given {
  readonly chart: Chart;
  readonly name?: string;
  readonly values?: UnknownRecord;
}

export function installOptions(given: Given & Partial<InstallOptions>): InstallOptions {
  return {
    ...operation,
    name: 'frontend',
    values: {},
    createNamespace: false,
    replace: false,
    skipCrds: false,
    ...given,
  };
}

export function upgradeOptions(given: Given & Partial<UpgradeOptions>): UpgradeOptions {
  return {
    ...operation,
    name: 'frontend',
    values: {},
    valuesPolicy: 'default',
    cleanupOnFail: false,
    historyMax: 10,
    recoverPending: false,
    ...given,
  };
}
