export { parseCi, type ParseCiOptions } from './config/parse.ts';
export type { CiConfig, JobConfig } from './config/model.ts';
export { planPipeline, type Plan, type PlanInput, type PlannedJob } from './config/plan.ts';
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
