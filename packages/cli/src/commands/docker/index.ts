/** `towpath docker`: builds and pushes images without a daemon; jobs of pipelines call it as `docker`. */

import { Command } from '@commander-js/extra-typings';
import type { CliContext } from '../../context.ts';
import { buildCommand } from './build.ts';
import { loginCommand, logoutCommand } from './login.ts';
import { imagesCommand, pushCommand, tagCommand } from './push.ts';

export function dockerCommand(context: CliContext): Command {
  const command = new Command('docker')
    .description('build, tag and push images without a Docker daemon')
    .addHelpText(
      'after',
      '\nNames without a host go to the registry of the running Towpath (TOWPATH_REGISTRY, or --data).\n\nExamples:\n  towpath docker build -t acme/frontend:v0.0.2 src/frontend\n  towpath docker push acme/frontend:v0.0.2',
    );
  for (const child of [buildCommand, tagCommand, pushCommand, imagesCommand, loginCommand, logoutCommand]) {
    command.addCommand(child(context));
  }
  return command as unknown as Command;
}
