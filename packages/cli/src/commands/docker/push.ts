/** `towpath docker push`, `tag` and `images`. */

import { Command } from '@commander-js/extra-typings';
import { pushImage } from '@towpath/pipeline';
import { formatImageReference, parseImageReference, parseManifest } from '@towpath/registry';
import type { CliContext } from '../../context.ts';
import { clientFor, dockerPlaces } from './places.ts';

export function pushCommand(context: CliContext): Command {
  const command = new Command('push')
    .description('push an image to its registry')
    .argument('<name>', 'NAME:TAG')
    .option('-q, --quiet', 'print only the name')
    .option('--data <dir>', 'data folder of the running Towpath')
    .action(async (name, flags) => {
      const places = await dockerPlaces(context, flags);
      const reference = parseImageReference(name);
      const say = (line: string): void => {
        if (flags.quiet !== true) context.stdout(`${line}\n`);
      };
      await pushImage({ name, images: places.images, client: clientFor(reference, places), say });
      if (flags.quiet === true) context.stdout(`${formatImageReference(reference)}\n`);
    });
  return command as unknown as Command;
}

export function tagCommand(context: CliContext): Command {
  const command = new Command('tag')
    .description('give an image a second name')
    .argument('<source>', 'NAME:TAG that exists')
    .argument('<target>', 'the new NAME:TAG')
    .option('--data <dir>', 'data folder of the running Towpath')
    .action(async (source, target, flags) => {
      const { images } = await dockerPlaces(context, flags);
      await images.tag(source, target);
    });
  return command as unknown as Command;
}

export function imagesCommand(context: CliContext): Command {
  const command = new Command('images')
    .description('list the images that were built here')
    .option('--data <dir>', 'data folder of the running Towpath')
    .action(async (flags) => {
      const { store } = (await dockerPlaces(context, flags)).images;
      const rows = [['REPOSITORY', 'TAG', 'IMAGE ID']];
      for (const repository of await store.repositories()) {
        for (const tag of await store.tags(repository)) {
          const manifest = await store.manifest(repository, tag.digest);
          const id = manifest === undefined ? '' : parseManifest(manifest.bytes, repository).config.digest.slice(7, 19);
          rows.push([repository.replace('--', ':'), tag.name, id]);
        }
      }
      const widths = [0, 1].map((column) => Math.max(...rows.map((row) => (row[column] ?? '').length)) + 3);
      for (const [name = '', tag = '', id = ''] of rows) {
        context.stdout(`${name.padEnd(widths[0] ?? 0)}${tag.padEnd(widths[1] ?? 0)}${id}\n`);
      }
    });
  return command as unknown as Command;
}
