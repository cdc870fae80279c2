/** `helm template`, and `towpath template` with more: renders without a cluster. */

import { render, renderFiles, templateOutput, type RenderResult } from '@towpath/charts';
import { codeOf } from '@towpath/kit';
import type { CliContext } from '../../context.ts';
import { helmEnvironment } from './environment.ts';
import { withHelmFiles } from './global-flags.ts';
import { checkOperands, likePflag } from './pflag.ts';
import { reporting, type Dialect } from './report.ts';
import { helmTemplateFlags, ownTemplateFlags, type TemplateFlags } from './template/flags.ts';
import { prepare, type Prepared } from './template/prepare.ts';
import { isRenderFailure, refuseTogether } from './template/rules.ts';
import { createSources } from './template/sources.ts';
import { warningLines } from './warnings.ts';

/** `towpath helm template`: helm's flags, output and sentences. */
export function helmTemplateCommand(context: CliContext) {
  const command = likePflag(helmTemplateFlags().description('locally render templates'));
  return command.action((operands, flags) => run(context, 'helm', operands, flags));
}

/** `towpath template`: the same, and where things come from. */
export function templateCommand(context: CliContext) {
  const command = likePflag(ownTemplateFlags().description('render a chart without a cluster, as helm template does'));
  return command.action((operands, flags) => run(context, 'towpath', operands, flags)).addHelpText('after', examples);
}

const examples = `
Examples:
  towpath template web charts/web -f prod.yaml --set image.tag=v2
  towpath template charts/web --explain 12,20-25      # which template line and which value wrote them
  towpath template charts/web --coverage              # what ci/*-values.yaml leave untried
  towpath template charts/web --lookup objects.yaml   # lookup answered from a file
  towpath template charts/web --deterministic -o json

--deterministic seeds the random functions, keys and certificates included, and stops the clock at 2025-01-01T00:00:00Z,
or at SOURCE_DATE_EPOCH. What it makes is no secret.
`;

async function run(context: CliContext, dialect: Dialect, operands: string[], flags: TemplateFlags): Promise<void> {
  const isDebug = flags.debug === true || helmEnvironment(context).debug;
  const hint = (error: unknown): string =>
    !isDebug && isRenderFailure(error) ? '\n\nUse --debug flag to render out invalid YAML' : '';
  const sources = createSources(context);
  const own = withHelmFiles(context, flags);
  await reporting(own, { dialect, json: flags.output === 'json', hint, source: sources.text }, async () => {
    checkOperands(operands, { name: `${dialect} template`, usage: '[NAME] [CHART] [flags]', least: 1 });
    refuseTogether(flags);
    const debug = (line: string): void => void (isDebug && own.stderr(`[debug] ${line}\n`));
    const prepared = await prepare(own, { operands, flags, sources, debug });
    try {
      await printRender(own, prepared, { dialect, flags });
    } catch (error) {
      if (isDebug && isRenderFailure(error)) own.stdout(brokenOutput(prepared, error));
      throw error;
    }
  });
}

async function printRender(
  context: CliContext,
  prepared: Prepared,
  { dialect, flags }: { dialect: Dialect; flags: TemplateFlags },
): Promise<void> {
  const isJson = flags.output === 'json';
  if (flags.coverage === true) {
    const { chartCoverage, coverageText } = await import('./template/coverage.ts');
    const coverage = chartCoverage(prepared.chart, prepared.options);
    context.stdout(isJson ? dataText(coverage) : coverageText(coverage));
    if (coverage.renders.some(({ error }) => error !== undefined)) context.exitCode(1);
    return;
  }
  const result = await renderOnce(prepared, flags);
  if (!isJson) for (const line of warningLines(result.warnings, dialect)) context.stderr(line);
  const { showOnly, includeCrds, hooks, skipTests, outputDir, explain } = flags;
  const options = { includeCrds: includeCrds === true, noHooks: !hooks, skipTests: skipTests === true, showOnly };
  const { release } = prepared.options;
  if (outputDir !== undefined) {
    const { writeOutputDir } = await import('./template/output-dir.ts');
    await writeOutputDir(context, result, { flags, folder: outputDir, name: release.name });
    const nothing = { ...result, manifests: [], hooks: [], crds: [] };
    context.stdout(templateOutput(nothing, { showOnly, postRender: prepared.postRender ?? (() => '') }));
  } else if (explain !== undefined) {
    const { explainLines, explainText } = await import('./template/explain.ts');
    const lines = explainLines(result, options, explain);
    context.stdout(isJson ? dataText({ lines }) : explainText(lines));
  } else {
    const postRender = prepared.postRender !== undefined && { postRender: prepared.postRender };
    const text = templateOutput(result, { ...options, ...postRender });
    const { resultJson } = isJson ? await import('./template/result-json.ts') : {};
    context.stdout(resultJson === undefined ? text : dataText(resultJson(result, { release, options })));
  }
}

function dataText(data: object): string {
  return `${JSON.stringify(data, undefined, 2)}\n`;
}

async function renderOnce(prepared: Prepared, flags: TemplateFlags): Promise<RenderResult> {
  const { cluster, asks } = prepared;
  const options = { ...prepared.options, trace: flags.explain !== undefined };
  if (cluster === undefined) return render(options);
  const { renderWithCluster, validateResult } = await import('./template/cluster.ts');
  const result = asks.lookup ? await renderWithCluster(cluster, options) : render(options);
  if (asks.validate) await validateResult(cluster, result, { ...options.release, flags });
  return result;
}

/** With --debug helm prints what was rendered even where it is no YAML. */
function brokenOutput({ options }: Prepared, error: unknown): string {
  if (codeOf(error) !== 'MANIFEST_INVALID') return '\n';
  const { files } = renderFiles(options);
  const parts = [...files].filter(([path, text]) => text.trim() !== '' && !path.endsWith('NOTES.txt'));
  return `${parts
    .map(([path, text]) => `---\n# Source: ${path}\n${text}\n`)
    .join('')
    .trim()}\n`;
}
