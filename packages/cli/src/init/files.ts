/** The texts `towpath init` writes: pipeline, charts, releases, load generator. Pure. */

import type { Facts } from './detect.ts';

export interface Place {
  /** URL of the repository as the cluster sees it. */
  readonly gitUrl: string;
  readonly branch: string;
  /** Folders at the top of the repository that belong to the service. */
  readonly folders: readonly string[];
}

/** Path to text, in the order they are shown. */
export function initFiles(facts: Facts, place: Place): ReadonlyMap<string, string> {
  const name = facts.name.value;
  const load = `${name}-load`;
  return new Map([
    ...(facts.hasDockerfile
      ? []
      : ([
          ['Dockerfile', dockerfile(facts)],
          ['.dockerignore', ignored],
        ] as const)),
    ['.gitlab-ci.yml', pipeline(name, place)],
    [`deploy/namespaces/${name}.yaml`, namespace(name)],
    [`deploy/releases/${name}.yaml`, release(name, name, place)],
    [`deploy/releases/${load}.yaml`, release(load, name, place)],
    [`deploy/charts/${name}/Chart.yaml`, chart(name, `The service ${name}`)],
    [`deploy/charts/${name}/values.yaml`, serviceValues(facts)],
    [`deploy/charts/${name}/templates/deployment.yaml`, deployment(facts)],
    [`deploy/charts/${name}/templates/canary.yaml`, canary(facts)],
    ...(facts.protocol.value === 'grpc'
      ? [[`deploy/charts/${name}/templates/metric.yaml`, grpcMetric(name)] as const]
      : []),
    [`deploy/charts/${load}/Chart.yaml`, chart(load, `Requests to ${name}`)],
    [`deploy/charts/${load}/values.yaml`, loadValues(facts)],
    [`deploy/charts/${load}/templates/deployment.yaml`, loadDeployment(facts)],
    ['load/Dockerfile', loadDockerfile],
    ['load/main.mjs', facts.protocol.value === 'grpc' ? grpcLoad : httpLoad],
  ]);
}

function dockerfile({ main = 'server.js', port }: Facts): string {
  return `FROM node:20-slim
WORKDIR /app
COPY . /app/
ENV PORT=${port.value}
EXPOSE ${port.value}
USER 1000
ENTRYPOINT ["node", "/app/${main}"]
`;
}

const ignored = `.git
.towpath
deploy
load
`;

function pipeline(name: string, { folders }: Place): string {
  const changes = ['"*"', ...folders.map((folder) => JSON.stringify(`${folder}/**/*`))];
  return `# One image each for the service and its load. On GitLab they go to the registry of DOCKER_*; on Towpath to its own.
stages:
  - build

# Version tags and branches only: not the tags that synchronisation moves.
workflow:
  rules:
    - if: $CI_COMMIT_TAG =~ /^v\\d+\\.\\d+\\.\\d+$/
    - if: $CI_COMMIT_BRANCH

variables:
  IMAGE_USER: local

default:
  image: docker:latest
  services:
    - docker:dind
  before_script:
    - docker login --username="\${DOCKER_USERNAME:-local}" --password="\${DOCKER_PASSWORD:-none}"
    - command -v npm >/dev/null || apk add --no-cache nodejs npm

${name}:
  stage: build
  script:
    - test ! -f package-lock.json || npm ci --prefer-offline --no-audit --no-fund
    - test ! -f package.json || npm run build --if-present
    - TAG="\${CI_COMMIT_TAG:-\${TOWPATH_IMAGE_TAG:-v0.0.$CI_PIPELINE_IID}}"
    - docker build -t "$IMAGE_USER/${name}:$TAG" .
    - docker push "$IMAGE_USER/${name}:$TAG"
  rules:
    - if: $CI_COMMIT_TAG
    # Never deploy/: the commits that write image tags there would start the next build. Add new folders here.
    - changes:
${changes.map((glob) => `        - ${glob}`).join('\n')}

${name}-load:
  stage: build
  script:
    - TAG="\${CI_COMMIT_TAG:-\${TOWPATH_IMAGE_TAG:-v0.0.$CI_PIPELINE_IID}}"
    - docker build -t "$IMAGE_USER/${name}-load:$TAG" load
    - docker push "$IMAGE_USER/${name}-load:$TAG"
  rules:
    - if: $CI_COMMIT_TAG
    - changes:
        - load/**/*
`;
}

function namespace(name: string): string {
  return `apiVersion: v1
kind: Namespace
metadata:
  name: ${name}
  labels:
    istio-injection: enabled
`;
}

function release(name: string, space: string, { gitUrl, branch }: Place): string {
  return `apiVersion: helm.fluxcd.io/v1
kind: HelmRelease
metadata:
  name: ${name}
  namespace: ${space}
  annotations:
    fluxcd.io/ignore: "false"
    fluxcd.io/automated: "true"
    flux.weave.works/tag.chart-image: semver:~v0.0
spec:
  releaseName: ${name}
  helmVersion: v3
  chart:
    git: ${gitUrl}
    ref: ${JSON.stringify(branch)}
    path: deploy/charts/${name}
  values:
    image:
      repository: local/${name}
      tag: v0.0.1
`;
}

function chart(name: string, description: string): string {
  return `apiVersion: v2
name: ${name}
description: ${description}
type: application
version: 0.1.0
`;
}

function serviceValues({ name, protocol }: Facts): string {
  return `image:
  repository: ${name.value}
  tag: latest

# How each new version is judged.
canary:
  interval: 10s
  metricInterval: 30s
${protocol.value === 'grpc' ? '  prometheus: http://prometheus.istio-system:9090\n' : ''}
# More environment for the container.
env: {}
`;
}

const moreEnvironment = `            {{- range $name, $value := .Values.env }}
            - name: {{ $name }}
              value: {{ $value | quote }}
            {{- end }}`;

function probeOf({ port: { value: port }, protocol, health }: Facts): string {
  if (health === undefined) return `tcpSocket:\n              port: ${port}`;
  if (protocol.value === 'grpc') return `grpc:\n              port: ${port}`;
  return `httpGet:\n              path: ${JSON.stringify(health.value)}\n              port: ${port}`;
}

function deployment(facts: Facts): string {
  const {
    name: { value: name },
    port: { value: port },
    protocol,
  } = facts;
  return `apiVersion: apps/v1
kind: Deployment
metadata:
  name: ${name}
  labels:
    app: ${name}
spec:
  selector:
    matchLabels:
      app: ${name}
  template:
    metadata:
      labels:
        app: ${name}
    spec:
      terminationGracePeriodSeconds: 5
      containers:
        - name: server
          image: {{ .Values.image.repository }}:{{ .Values.image.tag }}
          ports:
            - name: ${protocol.value}
              containerPort: ${port}
          env:
            - name: PORT
              value: "${port}"
${moreEnvironment}
          readinessProbe:
            initialDelaySeconds: 1
            periodSeconds: 5
            ${probeOf(facts)}
          resources:
            requests:
              cpu: 50m
              memory: 48Mi
            limits:
              cpu: 500m
              memory: 256Mi
`;
}

/** Flagger makes the Services NAME, NAME-primary and NAME-canary: the chart has none. */
function canary({ name: { value: name }, port: { value: port }, protocol }: Facts): string {
  return `apiVersion: flagger.app/v1beta1
kind: Canary
metadata:
  name: ${name}
spec:
  provider: istio
  targetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: ${name}
  service:
    port: 80
    portName: ${protocol.value}
    targetPort: ${port}
    gateways:
      - mesh
    trafficPolicy:
      tls:
        mode: DISABLE
  analysis:
    interval: {{ .Values.canary.interval }}
    threshold: 5
    maxWeight: 60
    stepWeight: 20
    metrics:
      - name: ${protocol.value === 'grpc' ? `grpc-success-rate\n        templateRef:\n          name: ${name}-grpc-success-rate` : 'request-success-rate'}
        thresholdRange:
          min: 99
        interval: {{ .Values.canary.metricInterval }}
      - name: request-duration
        thresholdRange:
          max: 500
        interval: {{ .Values.canary.metricInterval }}
`;
}

/**
 * Errors of gRPC are answers 200 to HTTP: Flagger's own success rate does not see them. Those of the caller (not found,
 * invalid argument, …) are no failures of the version. Source: OpenTelemetry semantic conventions, gRPC server spans.
 */
function grpcMetric(name: string): string {
  const selected = `reporter="destination",
          destination_workload_namespace="{{ "{{ namespace }}" }}",
          destination_workload="{{ "{{ target }}" }}"`;
  return `# The share of answers that are no failure of the server: not UNKNOWN (2), DEADLINE_EXCEEDED (4), UNIMPLEMENTED (12),
# INTERNAL (13), UNAVAILABLE (14), DATA_LOSS (15). Flagger's request-success-rate sees HTTP statuses only.
apiVersion: flagger.app/v1beta1
kind: MetricTemplate
metadata:
  name: ${name}-grpc-success-rate
spec:
  provider:
    type: prometheus
    address: {{ .Values.canary.prometheus }}
  query: |
    sum(rate(istio_requests_total{
          ${selected},
          response_code!~"5.*",
          grpc_response_status!~"2|4|12|13|14|15"
        }[{{ "{{ interval }}" }}])) / sum(rate(istio_requests_total{
          ${selected}
        }[{{ "{{ interval }}" }}])) * 100
`;
}

function loadValues({ name, callPath }: Facts): string {
  return `image:
  repository: ${name.value}-load
  tag: latest

# What is called: the Service inside the mesh, not a pod and not a gateway.
target: http://${name.value}:80
path: ${callPath.value}

# Requests in a second: without them no canary can be judged.
rate: 10

# More environment for the container.
env: {}
`;
}

function loadDeployment({ name: { value: name } }: Facts): string {
  return `apiVersion: apps/v1
kind: Deployment
metadata:
  name: ${name}-load
  labels:
    app: ${name}-load
spec:
  selector:
    matchLabels:
      app: ${name}-load
  template:
    metadata:
      labels:
        app: ${name}-load
    spec:
      terminationGracePeriodSeconds: 5
      containers:
        - name: load
          image: {{ .Values.image.repository }}:{{ .Values.image.tag }}
          env:
            - name: TARGET
              value: {{ .Values.target | quote }}
            - name: CALL_PATH
              value: {{ .Values.path | quote }}
            - name: RATE
              value: {{ .Values.rate | quote }}
${moreEnvironment}
          resources:
            requests:
              cpu: 20m
              memory: 32Mi
            limits:
              cpu: 300m
              memory: 128Mi
`;
}

const loadDockerfile = `FROM node:20-slim
WORKDIR /app
COPY main.mjs /app/
USER 1000
ENTRYPOINT ["node", "/app/main.mjs"]
`;

const httpLoad = `// Calls the service RATE times a second, so that its canaries have traffic to be judged by.
import http from 'node:http';
import { env } from 'node:process';

const { TARGET = 'http://localhost:8080', CALL_PATH = '/', RATE = '10' } = env;
const url = new URL(CALL_PATH, TARGET);
const agent = new http.Agent({ keepAlive: true, maxSockets: 10 });
const counts = {};

function count(outcome) {
  counts[outcome] = (counts[outcome] ?? 0) + 1;
}

setInterval(() => {
  const request = http.get(url, { agent, timeout: 5000 }, (response) => {
    count(response.statusCode);
    response.resume();
  });
  request.on('timeout', () => request.destroy(new Error('timeout')));
  request.on('error', (error) => count(error.code ?? error.message));
}, 1000 / Number(RATE));
setInterval(() => console.log(JSON.stringify(counts)), 10_000);
process.on('SIGTERM', () => process.exit(0));
`;

const grpcLoad = `// Calls one method with an empty message RATE times a second, so that canaries have traffic to be judged by.
import http2 from 'node:http2';
import { env } from 'node:process';

const { TARGET = 'http://localhost:8080', CALL_PATH = '/grpc.health.v1.Health/Check', RATE = '10' } = env;
const emptyMessage = Buffer.alloc(5);
const counts = {};
let session;

function count(outcome) {
  counts[outcome] = (counts[outcome] ?? 0) + 1;
}

function connected() {
  if (session !== undefined && !session.closed && !session.destroyed) return session;
  session = http2.connect(TARGET);
  session.on('error', (error) => count(error.code ?? error.message));
  return session;
}

setInterval(() => {
  const stream = connected().request({
    ':method': 'POST',
    ':path': CALL_PATH,
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  const status = (headers) => headers['grpc-status'] !== undefined && count('grpc-status ' + headers['grpc-status']);
  stream.on('response', status);
  stream.on('trailers', status);
  stream.on('error', (error) => count(error.code ?? error.message));
  stream.setTimeout(5000, () => stream.close());
  stream.resume();
  stream.end(emptyMessage);
}, 1000 / Number(RATE));
setInterval(() => console.log(JSON.stringify(counts)), 10_000);
process.on('SIGTERM', () => process.exit(0));
`;
