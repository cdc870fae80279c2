/** The programs of the cases: one image that runs what its argument says, and builtins that do the same jobs. */

import type { Builtin } from '@towpath/api';
import { pack } from 'tar-stream';
import { splice } from '../../network/splice.ts';
import type { FoundImage, ImageSource } from '../images/image-source.ts';

const runner = `const [code, ...args] = process.argv.slice(2); new Function('require', 'args', code)(require, args)`;

function image(digit: string, entrypoint: readonly string[]): FoundImage {
  return {
    digest: `sha256:${digit.repeat(64)}`,
    repository: 'docker.io/acme/run',
    config: { Entrypoint: entrypoint, WorkingDir: '/app', Env: ['FROM_IMAGE=1'] },
    sizeBytes: runner.length,
    layers: [
      {
        digest: 'sha256:layer',
        mediaType: 'application/vnd.oci.image.layer.v1.tar',
        async *open() {
          const archive = pack();
          archive.entry({ name: 'app/', type: 'directory' });
          archive.entry({ name: 'app/main.js' }, runner);
          archive.entry({ name: 'app/data.txt' }, 'data of the image');
          archive.finalize();
          for await (const chunk of archive) yield chunk as Uint8Array;
        },
      },
    ],
  };
}

const found: Record<string, FoundImage> = {
  'acme/run:1': image('1', ['node', '/app/main.js']),
  // The container's program is a shell: for the runtime it is no Node program, whatever it becomes.
  'acme/shell:1': image('2', ['sh', '-c', 'exec node "$0" "$@"', '/app/main.js']),
};

export const images: ImageSource = {
  find: (reference) => {
    const one = found[reference];
    return one === undefined ? Promise.reject(new Error('not found')) : Promise.resolve(one);
  },
};

/** Answers on port 7 with its arguments and what it is sent. */
const echo: Builtin = async (context) => {
  context.network.listen(7, ({ stream }) => {
    stream.write(`${context.args.join(' ')} `);
    stream.pipe(stream);
  });
  context.print(`listening as ${context.pod.pod}`);
  return {
    done: new Promise((resolve) => context.signal.addEventListener('abort', () => resolve())),
  };
};

/** Prints, and ends as its argument says. */
const job: Builtin = async (context) => {
  context.print(`working with ${context.env['COLOUR'] ?? ''}`);
  const done = context.args[0] === 'fail' ? Promise.reject(new Error('oops')) : Promise.resolve();
  done.catch(() => {});
  return { done };
};

/** Prints what `HOST PORT` answers to `ping`. */
const client: Builtin = async (context) => {
  const [host = '', port = ''] = context.args;
  const stream = await context.dialer.dial({ host, port: Number(port) });
  stream.end('ping');
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  context.print(text);
  return { done: Promise.resolve() };
};

/** A sidecar that prints each connection it sees and passes it on. */
const sidecar: Builtin = async (context) => {
  context.network.attachSidecar((host) => ({
    inbound({ stream, port }) {
      context.print(`in ${port}`);
      void host.dialLocal(port).then((program) => splice(stream, program));
    },
    outbound({ stream, host: name, port }) {
      context.print(`out ${name}:${port}`);
      context.dialer.dial({ host: name, port }).then(
        (peer) => splice(stream, peer),
        () => stream.destroy(),
      );
    },
  }));
  return {
    done: new Promise((resolve) => context.signal.addEventListener('abort', () => resolve())),
  };
};

export const builtins: Readonly<Record<string, Builtin>> = { echo, job, client, sidecar };
