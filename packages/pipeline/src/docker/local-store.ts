/** Images that were built here and not pushed yet: a content store in the data folder, shared by all calls. */

import {
  formatImageReference,
  OciStore,
  parseImageReference,
  type ImageReference,
  type StoredManifest,
} from '@towpath/registry';
import type { Clock } from '@towpath/kit';
import { pipelineError } from '../errors.ts';

/** Names keep their host: `localhost:5000/a` and `a` are two images. */
export class LocalImages {
  readonly store: OciStore;

  constructor(options: { dir: string; clock: Clock }) {
    this.store = new OciStore(options);
  }

  /** The name images of a reference are stored under. */
  repository(reference: ImageReference): string {
    const host = reference.host?.replace(':', '--');
    return host === undefined ? reference.repository : `${host}/${reference.repository}`;
  }

  async find(name: string): Promise<StoredManifest | undefined> {
    const reference = parseImageReference(name);
    return this.store.manifest(this.repository(reference), reference.digest ?? reference.tag ?? 'latest');
  }

  /** Throws `DOCKER_IMAGE` when there is no such image. */
  async get(name: string): Promise<StoredManifest> {
    const found = await this.find(name);
    if (found !== undefined) return found;
    const shown = formatImageReference(parseImageReference(name));
    throw pipelineError('DOCKER_IMAGE', `an image ${shown} does not exist locally`, { next: 'build it first' });
  }

  /** Gives an image a second name. */
  async tag(from: string, to: string): Promise<void> {
    const manifest = await this.get(from);
    const source = this.repository(parseImageReference(from));
    const reference = parseImageReference(to);
    const target = this.repository(reference);
    const { config, layers } = JSON.parse(manifest.bytes.toString('utf8')) as {
      config: { digest: string };
      layers: { digest: string }[];
    };
    for (const { digest } of [config, ...layers]) {
      if (source !== target) await this.store.linkBlob(target, digest);
    }
    await this.store.putManifest(target, manifest, { tags: [reference.tag ?? 'latest'] });
  }
}
