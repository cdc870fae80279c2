/** What `towpath init` finds out about a repository from its files, each fact with its evidence. Pure. */

import { isRecord, TowpathError } from '@towpath/kit';

/** Path in the repository, with slashes, to text. */
export type FileMap = ReadonlyMap<string, string>;

export interface Found<T> {
  readonly value: T;
  /** Where it was read, for the user. */
  readonly from: string;
}

export interface Facts {
  /** A DNS label of at most 40 characters: Flagger and the load generator append to it. */
  readonly name: Found<string>;
  readonly port: Found<number>;
  readonly protocol: Found<'http' | 'grpc'>;
  /** HTTP path that answers when the service is well; of gRPC, its health service. Undefined: only the port is probed. */
  readonly health: Found<string> | undefined;
  /** What the load generator calls: an HTTP path, or `/package.Service/Method`. */
  readonly callPath: Found<string>;
  readonly hasDockerfile: boolean;
  /** The file that starts the program, when it is one of Node. */
  readonly main: string | undefined;
}

const defaultPort = 8080;
const maxName = 40;
const healthPaths = ['/healthz', '/_healthz', '/health', '/livez', '/readyz', '/ready', '/ping'];
const usualMains = ['', 'src/'].flatMap((folder) =>
  ['server', 'index', 'main', 'app'].flatMap((name) =>
    ['js', 'mjs', 'cjs', 'ts'].map((extension) => `${folder}${name}.${extension}`),
  ),
);

interface PackageFacts {
  readonly name: string | undefined;
  readonly main: string | undefined;
  readonly start: string | undefined;
  readonly dependencies: readonly string[];
}

/** Throws `INIT_NOTHING` (neither Dockerfile nor package.json), `INIT_PACKAGE`, `INIT_MAIN`, `INIT_NAME`. */
export function detect(files: FileMap, folder: string): Facts {
  const dockerfile = files.get('Dockerfile');
  const text = files.get('package.json');
  if (dockerfile === undefined && text === undefined) {
    throw new TowpathError('INIT_NOTHING', `${folder} has neither a Dockerfile nor a package.json`, {
      next: elsewhere(files),
    });
  }
  const pack = text === undefined ? undefined : readPackage(text);
  const main = mainFile(files, pack, dockerfile);
  if (dockerfile === undefined && main === undefined) {
    throw new TowpathError('INIT_MAIN', 'package.json: nothing says which file starts the program', {
      next: 'set "main" or the script "start" (node FILE), or write a Dockerfile',
    });
  }
  const source = main === undefined ? undefined : files.get(main);
  const protocol = protocolOf(files, pack);
  const isGrpc = protocol.value === 'grpc';
  return {
    name: nameOf(pack?.name, folder),
    port: portOf({ dockerfile, main, source, start: pack?.start }),
    protocol,
    health: isGrpc ? grpcHealth(files, pack) : httpHealth({ dockerfile, main, source }),
    callPath: isGrpc ? grpcMethod(files) : { value: '/', from: 'default' },
    hasDockerfile: dockerfile !== undefined,
    main,
  };
}

/** One service in a repository: what to do when there are some, but in folders. */
function elsewhere(files: FileMap): string {
  const deeper = [...files.keys()].filter((path) => /\/(?:Dockerfile|package\.json)$/.test(path));
  if (deeper.length === 0) return 'run it in the root of the repository, or write a Dockerfile first';
  const shown = deeper.slice(0, 3).join(', ') + (deeper.length > 3 ? ', …' : '');
  return `${shown} found: init writes for one service at the top, so give each service a repository of its own`;
}

function readPackage(text: string): PackageFacts {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    // Named below.
  }
  if (!isRecord(parsed)) {
    throw new TowpathError('INIT_PACKAGE', 'package.json is not a JSON object', { next: 'correct it' });
  }
  const { name, main, scripts, dependencies } = parsed;
  const start = isRecord(scripts) ? scripts['start'] : undefined;
  return {
    name: typeof name === 'string' ? name : undefined,
    main: typeof main === 'string' ? main : undefined,
    start: typeof start === 'string' ? start : undefined,
    dependencies: isRecord(dependencies) ? Object.keys(dependencies) : [],
  };
}

function mainFile(files: FileMap, pack: PackageFacts | undefined, dockerfile: string | undefined): string | undefined {
  const started = pack?.start === undefined ? undefined : nodeFile(pack.start);
  const command = /^\s*(?:CMD|ENTRYPOINT)\s+(.*)$/im.exec(dockerfile ?? '')?.[1];
  const inImage = command === undefined ? undefined : nodeFile(command.replaceAll(/[[\]",]+/g, ' '));
  const named = [started, inImage, pack?.main].flatMap((path) => (path === undefined ? [] : [relativePath(path)]));
  return named.find((path) => files.has(path)) ?? usualMains.find((path) => files.has(path));
}

/** `node --flag FILE` → FILE. */
function nodeFile(command: string): string | undefined {
  return /(?:^|\s)node\s+(?:-\S+\s+)*([^\s-]\S*)/.exec(command)?.[1];
}

function relativePath(path: string): string {
  return path.replace(/^(?:\.\/|\/app\/|\/usr\/src\/app\/)/, '');
}

function nameOf(packageName: string | undefined, folder: string): Found<string> {
  const candidates = [
    { text: packageName?.replace(/^@[^/]*\//, '') ?? '', from: 'package.json name' },
    { text: folder, from: 'the folder' },
  ];
  for (const { text, from } of candidates) {
    const value = label(text);
    if (value === '') continue;
    if (isTaken(value)) return { value: `${value}-service`, from: `${from}, ${value} is a namespace of the system` };
    return { value, from: value === text ? from : `${from}, ${text} made a DNS label` };
  }
  throw new TowpathError('INIT_NAME', `no name can be made of the folder ${folder}`, {
    next: 'set "name" in package.json to letters, digits and dashes',
  });
}

/** The name is a namespace, too: not one that is there for something else. */
function isTaken(name: string): boolean {
  return (
    ['default', 'flux', 'flux-system', 'istio-system', 'towpath-system'].includes(name) || name.startsWith('kube-')
  );
}

/** Names of Services begin with a letter. */
function label(text: string): string {
  return text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+/, '')
    .slice(0, maxName)
    .replace(/-+$/, '');
}

function portOf(given: {
  readonly dockerfile: string | undefined;
  readonly main: string | undefined;
  readonly source: string | undefined;
  readonly start: string | undefined;
}): Found<number> {
  const { dockerfile = '', main = '', source = '', start = '' } = given;
  const exposed = exposedPorts(dockerfile);
  const more = exposed.length > 1 ? `, the first of ${exposed.join(', ')}` : '';
  const places = [
    { port: exposed[0], from: `Dockerfile EXPOSE${more}` },
    { port: match(/^\s*ENV\s+(?:.*\s)?PORT[= ]"?(\d+)/im, dockerfile), from: 'Dockerfile ENV PORT' },
    { port: match(/(?:^|\s)PORT=(\d+)\s/, start), from: 'package.json start, PORT' },
    { port: match(/\s(?:-p|--port)[= ](\d+)\b/, start), from: 'package.json start, port option' },
    { port: match(/\benv(?:\.PORT|\[['"]PORT['"]\])\s*(?:\?\?|\|\|)\s*['"]?(\d+)/, source), from: `${main} env PORT` },
    { port: match(/\blisten\(\s*(?:\{\s*port:\s*)?(\d+)/, source), from: `${main} listen` },
  ];
  for (const { port, from } of places) {
    const value = Number(port);
    if (value > 0 && value < 65_536) return { value, from };
  }
  return { value: defaultPort, from: 'default' };
}

function match(pattern: RegExp, text: string): string | undefined {
  return pattern.exec(text)?.[1];
}

/** The TCP ports of every EXPOSE; `$NAME` is looked up in ENV and ARG. */
function exposedPorts(dockerfile: string): string[] {
  return [...dockerfile.matchAll(/^[ \t]*EXPOSE[ \t]+(.*)$/gim)].flatMap(([, words = '']) =>
    words.split(/\s+/).flatMap((word) => {
      const [, port, variable] = /^"?(?:(\d+)|\$\{?(\w+)[^}]*\}?)(?:\/tcp)?"?$/i.exec(word) ?? [];
      const value = variable === undefined ? port : variableOf(variable, dockerfile);
      return value === undefined ? [] : [value];
    }),
  );
}

function variableOf(name: string, dockerfile: string): string | undefined {
  return match(new RegExp(`^\\s*(?:ENV|ARG)\\s+(?:.*\\s)?${name}[= ]"?(\\d+)`, 'im'), dockerfile);
}

function protocolOf(files: FileMap, pack: PackageFacts | undefined): Found<'http' | 'grpc'> {
  const protos = protosOf(files);
  const proto = (protos.find((one) => !isHealth(one)) ?? protos[0])?.path;
  const isGrpc = proto !== undefined && pack?.dependencies.includes('@grpc/grpc-js') === true;
  return isGrpc ? { value: 'grpc', from: `${proto} and @grpc/grpc-js` } : { value: 'http', from: 'default' };
}

/** A path the Dockerfile's HEALTHCHECK asks for, else a usual one that the program knows. */
function httpHealth(given: {
  readonly dockerfile: string | undefined;
  readonly main: string | undefined;
  readonly source: string | undefined;
}): Found<string> | undefined {
  const { dockerfile = '', main = '', source = '' } = given;
  const lines = dockerfile.replaceAll(/\\\r?\n/g, ' ');
  const check = match(/^\s*HEALTHCHECK\s(.*)$/im, lines) ?? '';
  const asked = match(/\bhttp:\/\/[\w.[\]:]+(\/[\w./-]*)/, check);
  if (asked !== undefined) return { value: asked, from: 'Dockerfile HEALTHCHECK' };
  const known = healthPaths.find((path) => new RegExp(`['"\`]${path}['"\`]`).test(source));
  return known === undefined ? undefined : { value: known, from: main };
}

const healthService = 'grpc.health.v1.Health';

function grpcHealth(files: FileMap, pack: PackageFacts | undefined): Found<string> | undefined {
  const library = pack?.dependencies.find((name) => name === 'grpc-health-check');
  const from = library ?? protosOf(files).find(isHealth)?.path;
  return from === undefined ? undefined : { value: healthService, from };
}

interface Proto {
  readonly path: string;
  readonly text: string;
}

function protosOf(files: FileMap): Proto[] {
  return [...files].flatMap(([path, text]) => (path.endsWith('.proto') ? [{ path, text }] : []));
}

function isHealth({ text }: Proto): boolean {
  return /^\s*package\s+grpc\.health\.v1\s*;/m.test(text);
}

/** The first method without streams: it is called with an empty message. */
function grpcMethod(files: FileMap): Found<string> {
  for (const { path, text } of protosOf(files).filter((proto) => !isHealth(proto))) {
    const service = /\bservice\s+(\w+)\s*\{([^]*)/.exec(text);
    const method = /\brpc\s+(\w+)\s*\(\s*(?!stream\s)[\w.]+\s*\)\s*returns\s*\(\s*(?!stream\s)/.exec(
      service?.[2] ?? '',
    );
    if (service?.[1] === undefined || method?.[1] === undefined) continue;
    const scope = /^\s*package\s+([\w.]+)\s*;/m.exec(text)?.[1];
    return { value: `/${scope === undefined ? '' : `${scope}.`}${service[1]}/${method[1]}`, from: path };
  }
  return { value: `/${healthService}/Check`, from: 'default' };
}
