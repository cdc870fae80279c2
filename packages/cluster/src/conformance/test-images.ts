/** Images of one script each, made in memory: what pods of the suites run. */

import { createHash } from 'node:crypto';
import { TowpathError } from '@towpath/kit';
import { pack } from 'tar-stream';
import type { FoundImage, ImageSource } from '../node/images/image-source.ts';

/** A web server that logs where it listens and each path it is asked for, answers with its name, and exits on SIGTERM. */
const webScript = `
const http = require('node:http');
const { env } = require('node:process');
const port = Number(env.PORT ?? 80);
http.createServer((request, response) => {
  console.log('asked for ' + request.url);
  response.end('hello from ' + require('node:os').hostname() + '\\n');
}).listen(port, () => console.log('listening on ' + port));
process.on('SIGTERM', () => process.exit(0));
`;

/** Ends at once; its exit code is its argument. */
const taskScript = `console.log('working'); process.exit(Number(process.argv[2] ?? 0));`;

/** Busy for a tenth of the time. */
const busyScript = `
setInterval(() => { const end = performance.now() + 50; while (performance.now() < end); }, 500);
require('node:process').on('SIGTERM', () => process.exit(0));
`;

const scripts: Readonly<Record<string, string>> = { web: webScript, task: taskScript, busy: busyScript };

/** `conformance/web`, `conformance/task` and `conformance/busy`, any tag; other names are not found. */
export const testImages: ImageSource = {
  find(reference) {
    const script = scripts[/^(?:docker\.io\/)?conformance\/([^:]+)/.exec(reference)?.[1] ?? ''];
    if (script === undefined) {
      const next = 'use conformance/web, conformance/task or conformance/busy';
      return Promise.reject(new TowpathError('IMAGE_UNKNOWN', `there is no image ${reference}`, { next }));
    }
    return Promise.resolve(imageOf(reference, script));
  },
};

function imageOf(reference: string, script: string): FoundImage {
  const digest = (text: string): string => `sha256:${createHash('sha256').update(text).digest('hex')}`;
  return {
    digest: digest(reference),
    repository: `docker.io/${reference.replace(/^docker\.io\//, '').replace(/:.*/, '')}`,
    config: { Entrypoint: ['node', '/app/main.js'], WorkingDir: '/app' },
    sizeBytes: script.length,
    layers: [
      {
        digest: digest(script),
        mediaType: 'application/vnd.oci.image.layer.v1.tar',
        async *open() {
          const archive = pack();
          archive.entry({ name: 'app/', type: 'directory' });
          archive.entry({ name: 'app/main.js' }, script);
          archive.finalize();
          for await (const chunk of archive) yield chunk as Uint8Array;
        },
      },
    ],
  };
}
