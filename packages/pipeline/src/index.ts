export { parseCi, type ParseCiOptions } from './config/parse.ts';
export type { CiConfig, JobConfig } from './config/model.ts';
export { planPipeline, type Plan, type PlanInput, type PlannedJob } from './config/plan.ts';
export { isFinished as isPipelineFinished } from './controller/decide.ts';
export { createPipelines, type PipelineController, type PipelinesOptions } from './controller/pipelines.ts';
export { imageTagOf, newPipeline, nextIid } from './controller/trigger.ts';
export { pipelineCrds } from './crds.ts';
export { pipelineErrorCodes, type PipelineErrorCode } from './errors.ts';
export {
  attemptAnnotation,
  jobAnnotation,
  labelName,
  objectName,
  pipelineLabel,
  readOnlyLabel,
  repositoryLabel,
} from './names.ts';
export { publishImage, publishRepository, type PublishDeps } from './publish.ts';
export { findBase, type FindBaseOptions } from './docker/base.ts';
export { buildImage, thinBaseLabel, type BaseImage, type BuildOptions, type BuiltImage } from './docker/build.ts';
export { parseDockerfile } from './docker/dockerfile.ts';
export { LocalImages } from './docker/local-store.ts';
export { pushImage } from './docker/push.ts';
export { buildExternally, findBuilder, type ExternalBuilder } from './docker/external.ts';
export { importArchive } from './docker/import.ts';
