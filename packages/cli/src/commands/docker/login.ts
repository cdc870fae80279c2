/** `towpath docker login` and `logout`. */

import { Command } from '@commander-js/extra-typings';
import { TowpathError } from '@towpath/kit';
import { RegistryClient } from '@towpath/registry';
import type { CliContext } from '../../context.ts';
import { dockerPlaces, writeCredentials } from './places.ts';

interface LoginFlags {
  readonly username?: string;
  readonly password?: string;
  readonly passwordStdin?: true;
  readonly data?: string;
}

export function loginCommand(context: CliContext): Command {
  const command = new Command('login')
    .description("keep a registry's user name and password; the embedded registry needs none")
    .argument('[server]', 'host of the registry; default: the embedded one')
    .option('-u, --username <name>', 'user name')
    .option('-p, --password <password>', 'password or token')
    .option('--password-stdin', 'read the password from standard input')
    .option('--data <dir>', 'data folder of the running Towpath')
    .action((server, flags) => login(context, server, flags));
  return command as unknown as Command;
}

async function login(context: CliContext, server: string | undefined, flags: LoginFlags): Promise<void> {
  const places = await dockerPlaces(context, flags);
  const host = server?.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
  const embedded = places.registryUrl === undefined ? undefined : new URL(places.registryUrl).host;
  if (host === undefined || host === '' || host === embedded) {
    context.stderr('the registry of Towpath has no users: the credentials are not needed and not kept\n');
    context.stdout('Login Succeeded\n');
    return;
  }
  const { username } = flags;
  const password = flags.passwordStdin === true ? (await context.readStdin()).replace(/\r?\n$/, '') : flags.password;
  if (username === undefined || password === undefined) {
    throw new TowpathError('USAGE', 'login needs --username and --password (or --password-stdin)', {
      next: `write for example: towpath docker login -u NAME --password-stdin ${host}`,
    });
  }
  const isLocal = /^(localhost|127\.)/.test(host);
  const client = new RegistryClient({
    url: `${isLocal ? 'http' : 'https'}://${host}`,
    credentials: { username, password },
  });
  await client.login();
  await writeCredentials(places.folder, host, { username, password });
  context.stdout('Login Succeeded\n');
}

export function logoutCommand(context: CliContext): Command {
  const command = new Command('logout')
    .description("forget a registry's credentials")
    .argument('[server]', 'host of the registry')
    .option('--data <dir>', 'data folder of the running Towpath')
    .action(async (server, flags) => {
      const places = await dockerPlaces(context, flags);
      if (server !== undefined) await writeCredentials(places.folder, server, undefined);
      context.stdout(`Removing login credentials for ${server ?? 'the registry of Towpath'}\n`);
    });
  return command as unknown as Command;
}
