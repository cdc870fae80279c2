/** What the package's barrel and the published entry have in common. */

export { loadChart, type LoadOptions } from './chart/load.ts';
export { packageChart, type PackagedChart, type PackageOptions } from './chart/package.ts';
export type {
  Chart,
  ChartCrd,
  ChartDependency,
  ChartFile,
  ChartFiles,
  ChartLock,
  ChartMaintainer,
  ChartMetadata,
} from './chart/types.ts';
export type { ChartErrorCode } from './errors.ts';
export { defaultLoadLimits, defaultRenderLimits, type LoadLimits, type RenderLimits } from './limits.ts';
export { defaultCapabilities } from './render/capabilities.ts';
export { manifestText, templateOutput, type TemplateOutputOptions } from './render/output.ts';
export type {
  Capabilities,
  HookEvent,
  HookPolicy,
  Lookup,
  LookupRequest,
  RenderedHook,
  RenderedManifest,
  RenderRelease,
  RenderResult,
  RenderWarning,
} from './render/types.ts';
export { mergeCoverage } from './trace/coverage.ts';
export { traceToJson, type TraceData, type TracedLineData, type TracedObject } from './trace/json.ts';
export type {
  CoverageUnit,
  IncludeStep,
  LineOrigin,
  Place,
  RenderedExcerpt,
  RenderFailure,
  RenderTrace,
  SchemaFailure,
  TemplateCoverage,
  ValueOrigin,
  ValueRead,
} from './trace/types.ts';
export type { ChartValues, ValueLayer } from './values/chart-values.ts';
export { valuesFromFlags, type ValueFlags } from './values/flags.ts';
export { fromYaml, toYaml } from './yaml/yaml.ts';
export { fromBytes } from './go/utf8.ts';
