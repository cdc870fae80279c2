/** `towpath helm`: helm's commands on Towpath's own chart engine. */

import { Command } from '@commander-js/extra-typings';
import type { CliContext } from '../../context.ts';
import { rollbackCommand, testCommand, uninstallCommand } from './change-commands.ts';
import { getCommand } from './get.ts';
import { helmLintCommand } from './lint.ts';
import { helmPackageCommand } from './package.ts';
import { pullCommand } from './pull.ts';
import { helmShowCommand } from './show.ts';
import { installCommand, upgradeCommand } from './install.ts';
import { historyCommand, listCommand, statusCommand } from './read-commands.ts';
import { repoCommand } from './repo.ts';
import { searchCommand } from './search.ts';
import { helmTemplateCommand } from './template.ts';

export function helmCommand(context: CliContext): Command {
  const helm = new Command('helm').description('charts and releases, with the flags and output of helm 3');
  const commands = [
    getCommand,
    historyCommand,
    installCommand,
    helmLintCommand,
    listCommand,
    helmPackageCommand,
    pullCommand,
    repoCommand,
    rollbackCommand,
    searchCommand,
    helmShowCommand,
    statusCommand,
    helmTemplateCommand,
    testCommand,
    uninstallCommand,
    upgradeCommand,
  ];
  for (const create of commands) helm.addCommand(create(context) as unknown as Command);
  return helm;
}
