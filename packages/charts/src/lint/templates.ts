/** What the templates of a chart write. Source: helm 3 pkg/lint/rules, template.go. */

import { messageOf } from '@towpath/kit';
import { extension } from '../functions/paths.ts';
import type { Chart, ChartFile } from '../chart/types.ts';
import { quote } from '../go/strconv.ts';
import { fromBytes } from '../go/utf8.ts';
import { defaultCapabilities } from '../render/capabilities.ts';
import { renderFiles } from '../render/render.ts';
import type { RenderOptions, RenderWarning } from '../render/types.ts';
import { deprecationOf } from './deprecations.ts';
import { hasPolicyInList, readDocuments, type LintedObject } from './documents.ts';
import type { Say } from './lint.ts';
import { nameProblem } from './names.ts';

const folder = 'templates/';
const extensions = ['.yaml', '.yml', '.tpl', '.txt'];
const crdHook = /"?helm\.sh\/hook"?:\s+crd-install/;

/** Renders as lint does: what is required and missing only warns. Returns the warnings. */
export function lintTemplates(chart: Chart, options: RenderOptions, say: Say): readonly RenderWarning[] {
  try {
    const { files, warnings } = renderFiles({ ...options, chart, lint: true });
    lintFiles(chart, options, files, say);
    return warnings;
  } catch (error) {
    say('ERROR', folder, messageOf(error));
    return [];
  }
}

function lintFiles(chart: Chart, options: RenderOptions, files: ReadonlyMap<string, string>, say: Say): void {
  const kubeVersion = (options.capabilities ?? defaultCapabilities).kubeVersion;
  for (const template of chart.templates) {
    lintSource(template, say);
    if (extension(template.name) !== '.yaml') continue;
    const rendered = files.get(`${chart.metadata.name}/${template.name}`) ?? '';
    // Helm looks at nothing after the first file that is no YAML.
    if (rendered.trim() !== '' && !lintRendered(template.name, rendered, kubeVersion, say)) return;
  }
}

function lintSource({ name, data }: ChartFile, say: Say): void {
  const ending = extension(name);
  if (!extensions.includes(ending)) {
    say('ERROR', name, `file extension '${ending}' not valid. Valid extensions are .yaml, .yml, .tpl, or .txt`);
  }
  const text = fromBytes(data);
  if (crdHook.test(text)) {
    say(
      'WARNING',
      name,
      'manifest is a crd-install hook. This hook is no longer supported in v3 and all CRDs should also exist the crds/ directory at the top level of the chart',
    );
  }
  if (text.includes('.Release.Time')) {
    say(
      'ERROR',
      name,
      '.Release.Time has been removed in v3, please replace with the `now` function in your templates',
    );
  }
}

/** False when it cannot be read. */
function lintRendered(path: string, text: string, kubeVersion: string, say: Say): boolean {
  const first = text.split('\n').find((line) => line.trim() !== '') ?? '';
  if (first.startsWith(' ') || first.startsWith('\t')) {
    say('WARNING', path, `document starts with an illegal indent: ${quote(first)}, which may cause parsing problems`);
  }
  for (const document of readDocuments(text)) {
    if (document === undefined) continue;
    if ('problem' in document) {
      say('ERROR', path, `unable to parse YAML: ${document.problem}`);
      return false;
    }
    lintObject(document, { path, text, kubeVersion }, say);
  }
  return true;
}

const selecting = new Set(['Deployment', 'ReplicaSet', 'DaemonSet', 'StatefulSet']);

function lintObject(object: LintedObject, file: { path: string; text: string; kubeVersion: string }, say: Say): void {
  const { path, text } = file;
  const { kind, name, apiVersion } = object;
  const wrongName = nameProblem(kind, name);
  if (wrongName !== undefined) say('WARNING', path, wrongName);
  const deprecation = deprecationOf(apiVersion, kind, file.kubeVersion);
  if (deprecation !== undefined) say('WARNING', path, deprecation);
  if (selecting.has(kind) && !text.includes('matchLabels') && !text.includes('matchExpressions')) {
    say('ERROR', path, `a ${kind} must contain matchLabels or matchExpressions, and ${quote(name)} does not`);
  }
  if (kind === 'List' && hasPolicyInList(text)) {
    say('ERROR', path, "Annotation 'helm.sh/resource-policy' within List objects are ignored");
  }
}
