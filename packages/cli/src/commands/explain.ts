/** `towpath explain`: the first cause behind an object that is not well. */

import { Command } from '@commander-js/extra-typings';
import { TowpathError } from '@towpath/kit';
import {
  canaryRate,
  explain,
  explainAll,
  explanationText,
  findTarget,
  observe,
  readOnlyTransport,
  type Explanation,
  type Query,
  type Snapshot,
} from '@towpath/plan';
import { Client } from '@towpath/runtime';
import type { CliContext } from '../context.ts';
import { apiOf, withApiFlags, type ApiFlags } from '../kube/options.ts';
import { metricsQuery } from './metrics-query.ts';

interface ExplainFlags extends ApiFlags {
  readonly output?: string | undefined;
  readonly prometheus?: string | undefined;
}

export function explainCommand(context: CliContext): Command {
  const command = withApiFlags(
    new Command('explain')
      .description('name the first cause behind an object that is not well, with its evidence and the next step')
      .argument('[kind/name]', 'what to explain (default: everything that is not well)'),
  )
    .option(
      '--prometheus <url>',
      'ask this Prometheus for the numbers of canaries (default: that of the running Towpath)',
    )
    .option('-o, --output <format>', 'text or json', 'text')
    .addHelpText('after', examples)
    .action((operand, flags) => run(context, operand, flags));
  return command as unknown as Command;
}

const examples = `
Only reads are sent; it works beside Flux, the Helm operator and Flagger. Exit code: 0 all is well, 3 something is not, 1 it cannot be told.

Examples:
  towpath explain                                   # everything that is not well
  towpath explain deployment/frontend -n shop
  towpath explain canary/frontend -n shop -o json
  towpath explain helmrelease/frontend -n shop
`;

async function run(context: CliContext, operand: string | undefined, flags: ExplainFlags): Promise<void> {
  const { output = 'text' } = flags;
  if (output !== 'text' && output !== 'json') {
    throw new TowpathError('USAGE', `--output ${output} is unknown`, { next: 'write text or json' });
  }
  const { client: connected, namespace } = await apiOf(context, flags);
  const client = new Client({ transport: readOnlyTransport(connected.transport) });
  const snapshot = await observe(client);
  const explained =
    operand === undefined
      ? explainAll(snapshot)
      : [explainOne(snapshot, operand, { namespace, isGiven: flags.namespace !== undefined })];
  const query = await metricsQuery(context, flags.prometheus);
  const whole = await Promise.all(explained.map((each) => withNumber(each, snapshot, query)));
  const colours = context.isTerminal && (context.env['NO_COLOR'] ?? '') === '';
  if (output === 'json') context.stdout(`${JSON.stringify(operand === undefined ? whole : whole[0], undefined, 2)}\n`);
  else if (whole.length === 0) context.stdout('everything is well\n');
  else context.stdout(whole.map((each) => explanationText(each, { colours })).join('\n'));
  if (snapshot.unread.length > 0) context.stderr(`not read: ${snapshot.unread.join(', ')}\n`);
  if (whole.some(({ isWell }) => !isWell)) context.exitCode(3);
}

function explainOne(snapshot: Snapshot, operand: string, scope: { namespace: string; isGiven: boolean }): Explanation {
  const [kind = '', name = ''] = operand.split('/');
  if (name === '')
    throw new TowpathError('USAGE', `${operand} is no KIND/NAME`, { next: 'write for example deployment/frontend' });
  const { namespace, isGiven } = scope;
  const found =
    findTarget(snapshot, { kind, name, namespace }) ??
    (isGiven ? undefined : findTarget(snapshot, { kind, name, namespace: undefined }));
  if (found !== undefined) return explain(snapshot, found);
  throw new TowpathError(
    'EXPLAIN_TARGET_UNKNOWN',
    `there is no ${kind} ${name}${isGiven ? ` in namespace ${namespace}` : ''}`,
    {
      next: 'check kind, name and --namespace',
    },
  );
}

/** The number behind a canary's verdict. */
async function withNumber(
  explanation: Explanation,
  snapshot: Snapshot,
  query: Query | undefined,
): Promise<Explanation> {
  const { first } = explanation;
  if (query === undefined || first?.stage !== 'canary') return explanation;
  const canary = findTarget(snapshot, { kind: 'canary', name: first.object.name, namespace: first.object.namespace });
  const rate = canary === undefined ? undefined : await canaryRate(canary, query);
  if (rate === undefined) return explanation;
  const proof = { object: first.object, field: `query ${rate.query}`, text: `${rate.value.toFixed(2)} requests/s` };
  return { ...explanation, first: { ...first, evidence: [...first.evidence, proof] } };
}
