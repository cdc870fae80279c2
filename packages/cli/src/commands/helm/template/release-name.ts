/** The name and the chart that the operands of `template` give. */

import { renderFiles, loadChart, defaultCapabilities } from '@towpath/charts';
import { messageOf } from '@towpath/kit';
import type { CliContext } from '../../../context.ts';
import { flagError } from '../pflag.ts';

/** Source: helm 3 pkg/action/install.go, NameAndChart, as `helm template` calls it: a name is always there. */
export async function nameAndChart(
  context: CliContext,
  operands: readonly string[],
  flags: { readonly generateName?: boolean | undefined; readonly nameTemplate?: string | undefined },
): Promise<{ name: string; chart: string }> {
  const [first = '', second, ...others] = operands;
  if (others.length > 0) {
    throw flagError(`expected at most two arguments, unexpected arguments: ${others.join(', ')}`);
  }
  const { nameTemplate = '' } = flags;
  if (second !== undefined) {
    if (flags.generateName === true) throw flagError('cannot set --generate-name and also specify a name');
    if (nameTemplate !== '') throw flagError('cannot set --name-template and also specify a name');
    return { name: first, chart: second };
  }
  return { name: nameTemplate === '' ? 'release-name' : await renderName(context, nameTemplate), chart: first };
}

/** The template is run as the only one of a chart of its own. */
async function renderName(context: CliContext, text: string): Promise<string> {
  const path = 'name/templates/name-template';
  const bytes = (content: string): Uint8Array => Buffer.from(content);
  const { clock, random } = context;
  try {
    const chart = await loadChart(
      new Map([
        ['Chart.yaml', bytes('apiVersion: v2\nname: name\nversion: 0.0.0\n')],
        ['templates/name-template', bytes(text)],
      ]),
    );
    const release = { name: '', namespace: '', revision: 1, isInstall: true, isUpgrade: false };
    const { files } = renderFiles({ chart, values: {}, release, clock, random, capabilities: defaultCapabilities });
    return files.get(path) ?? '';
  } catch (error) {
    const sentence = messageOf(error).replaceAll(path, 'name-template');
    const at = /^parse error at \((name-template:\d+)\): (.*)$/s.exec(sentence);
    throw flagError(at === null ? sentence : `template: ${at[1]}: ${at[2]}`);
  }
}
