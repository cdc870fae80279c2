/** The service of the parts: an image that takes its time to be ready, and a chart with a hook. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const program = `
const http = require('node:http');
const { env } = require('node:process');
setTimeout(() => http.createServer((request, response) => response.end(env.MESSAGE + '\\n')).listen(8080), Number(env.DELAY_SECONDS) * 1000);
process.on('SIGTERM', () => process.exit(0));
`;

export const image = 'adoption/web:1';

/** Builds the image and pushes it to the registry of the running Towpath. */
export async function pushImage(walk) {
  const folder = join(walk.work, 'web-image');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'main.cjs'), program);
  writeFileSync(
    join(folder, 'Dockerfile'),
    'FROM node:20-slim\nCOPY main.cjs /app/main.cjs\nENTRYPOINT ["node", "/app/main.cjs"]\n',
  );
  await walk.towpath('docker', 'build', '-t', image, folder);
  await walk.towpath('docker', 'push', image);
}

/** A Deployment that listens on 8080 after a while, as an object. */
export function deployment({ name, namespace, message, delaySeconds }) {
  const container = {
    name: 'web',
    image,
    env: [
      { name: 'MESSAGE', value: message },
      { name: 'DELAY_SECONDS', value: String(delaySeconds) },
    ],
    ports: [{ name: 'http', containerPort: 8080 }],
    readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 },
  };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: { terminationGracePeriodSeconds: 1, containers: [container] },
      },
    },
  };
}

const deploymentTemplate = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}
spec:
  replicas: {{ .Values.replicas }}
  selector:
    matchLabels:
      app: {{ .Release.Name }}
  template:
    metadata:
      labels:
        app: {{ .Release.Name }}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: web
          image: ${image}
          env:
            - name: MESSAGE
              value: {{ .Values.message | quote }}
            - name: DELAY_SECONDS
              value: {{ .Values.delaySeconds | quote }}
          readinessProbe:
            tcpSocket:
              port: 8080
            periodSeconds: 1
`;

/** Packages the chart `web`; the archive's file. */
export async function packageChart(walk, version) {
  const folder = join(walk.work, 'web-chart');
  mkdirSync(join(folder, 'templates'), { recursive: true });
  writeFileSync(join(folder, 'Chart.yaml'), `apiVersion: v2\nname: web\nversion: ${version}\n`);
  writeFileSync(join(folder, 'values.yaml'), 'replicas: 1\nmessage: one\ndelaySeconds: 0\n');
  writeFileSync(join(folder, 'templates/deployment.yaml'), deploymentTemplate);
  await walk.towpath('package', folder, '--destination', walk.work);
  return join(walk.work, `web-${version}.tgz`);
}
