/** `--output json`: the result of a render as data. */

import { fromYaml, pathMatcher, type RenderResult, type TemplateOutputOptions } from '@towpath/charts';

/** One JSON object: what the flags leave out of the output is left out here, too. */
export function resultJson(
  result: RenderResult,
  input: { release: { name: string; namespace: string }; options: TemplateOutputOptions },
): object {
  const { release, options } = input;
  const isShown = shownBy(options.showOnly ?? []);
  const { metadata } = result.chart;
  const manifests = result.manifests.filter(({ path }) => isShown(path));
  const hooks = result.hooks.filter(({ path, events }) => {
    if (options.noHooks === true || (options.skipTests === true && events.includes('test'))) return false;
    return isShown(path);
  });
  return {
    release: { name: release.name, namespace: release.namespace },
    chart: { name: metadata.name, version: metadata.version, appVersion: metadata.appVersion },
    crds: options.includeCrds === true ? result.crds.map(({ filename, text }) => ({ file: filename, text })) : [],
    manifests: manifests.map(({ path, kind, apiVersion, name, text, line }) => ({
      template: path,
      line,
      apiVersion,
      kind,
      name,
      text,
      object: objectOf(text),
    })),
    hooks: hooks.map(({ path, kind, name, events, weight, deletePolicies, outputLogPolicies, manifest, line }) => ({
      template: path,
      line,
      kind,
      name,
      events,
      weight,
      deletePolicies,
      outputLogPolicies,
      text: manifest,
      object: objectOf(manifest),
    })),
    notes: result.notes,
    warnings: result.warnings,
  };
}

/** Null where only the head of the text is YAML that can be read. */
function objectOf(text: string): unknown {
  try {
    return fromYaml(text);
  } catch {
    return null;
  }
}

/** Patterns are relative to the root chart, as `--show-only` has them. */
function shownBy(patterns: readonly string[]): (path: string) => boolean {
  if (patterns.length === 0) return () => true;
  const matchers = patterns.map((pattern) => pathMatcher(pattern));
  return (path) => matchers.some((matches) => matches?.(path.slice(path.indexOf('/') + 1)) === true);
}
