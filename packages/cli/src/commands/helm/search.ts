/** `helm search repo`: charts in the repositories that were added. */

import { Command } from '@commander-js/extra-typings';
import { TowpathError } from '@towpath/kit';
import { satisfies, type IndexEntry } from '@towpath/releases';
import type { CliContext } from '../../context.ts';
import { helmEnvironment } from './environment.ts';
import { parseWhole, withOutputFlag } from './flags.ts';
import { formatOutput, tableText } from './print/output.ts';
import { cachedIndex, readRepositories } from './repositories.ts';

export function searchCommand(context: CliContext) {
  return new Command('search').description('search for a keyword in charts').addCommand(repoSearch(context));
}

interface Found extends IndexEntry {
  /** `repository/chart` */
  readonly fullName: string;
}

const widestColumn = 50;

function repoSearch(context: CliContext) {
  return withOutputFlag(new Command('repo').description('search repositories for a keyword in charts'))
    .argument('[keywords...]')
    .option('-r, --regexp', 'the keyword is a regular expression')
    .option('-l, --versions', 'show every version')
    .option('--devel', 'development versions, too')
    .option('--version <range>', 'only versions in this range')
    .option('--max-col-width <count>', 'maximum column width', parseWhole, widestColumn)
    .option('--fail-on-no-result', 'fail when nothing is found')
    .action(async (keywords, flags) => {
      const all = await everyChart(context);
      const range = flags.version ?? (flags.devel === true ? '>0.0.0-0' : '>0.0.0');
      const score = scorer(keywords.join(' '), flags.regexp === true);
      const found = all
        .flatMap((entry) => {
          const place = score(entry);
          return place === undefined || !satisfies(entry.version, range) ? [] : [{ ...entry, place }];
        })
        .toSorted((left, right) => left.place - right.place);
      const shown = flags.versions === true ? found : newestOf(found);
      if (shown.length === 0 && flags.failOnNoResult === true) {
        throw new TowpathError('CHART_NOT_FOUND', 'no results found');
      }
      const elements = shown.map(({ fullName, version, appVersion, description }) => ({
        name: fullName,
        version,
        app_version: appVersion,
        description,
      }));
      const table = (): string => {
        if (elements.length === 0) return 'No results found\n';
        const header = ['NAME', 'CHART VERSION', 'APP VERSION', 'DESCRIPTION'];
        return tableText([header, ...elements.map((element) => Object.values(element))], {
          maxWidth: flags.maxColWidth,
        });
      };
      context.stdout(formatOutput(flags.output, elements, table));
    });
}

async function everyChart(context: CliContext): Promise<Found[]> {
  const environment = helmEnvironment(context);
  const repositories = await readRepositories(environment);
  if (repositories.length === 0) {
    throw new TowpathError('REPOSITORY_INVALID', 'no repositories configured', {
      next: 'add one with: towpath helm repo add NAME URL',
    });
  }
  const found: Found[] = [];
  for (const { name } of repositories) {
    const index = await cachedIndex(environment, name);
    if (index === undefined) {
      context.stderr(`WARNING: Repo "${name}" is corrupt or missing. Try 'helm repo update'.\n`);
      continue;
    }
    for (const [chart, entries] of index) {
      found.push(...entries.map((entry) => ({ ...entry, fullName: `${name}/${chart}` })));
    }
  }
  return found.toSorted((left, right) =>
    left.fullName < right.fullName ? -1 : left.fullName > right.fullName ? 1 : 0,
  );
}

/** Which field the keyword is found in first: name, full name, description, keywords; undefined when in none. */
function scorer(keyword: string, isRegexp: boolean): (entry: Found) => number | undefined {
  const wanted = keyword.toLowerCase();
  const pattern = isRegexp ? new RegExp(keyword, 'i') : undefined;
  const holds = (text: string): boolean => pattern?.test(text) ?? text.toLowerCase().includes(wanted);
  return (entry) => {
    const place = [entry.name, entry.fullName, entry.description, entry.keywords.join(' ')].findIndex(holds);
    return place < 0 ? undefined : place;
  };
}

function newestOf(found: readonly Found[]): Found[] {
  const names = new Set<string>();
  return found.filter((entry) => {
    if (names.has(entry.fullName)) return false;
    names.add(entry.fullName);
    return true;
  });
}
