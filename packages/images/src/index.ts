export { createImageAutomation, type ImageAutomationDeps } from './automation.ts';
export { imagesErrorCodes } from './errors.ts';
export { canonicalRepository, parseImageRef, type ImageRef } from './image-ref.ts';
export { decideTag, isAutomated, parseTagPolicy, tagPolicyOf, type TagInfo, type TagPolicy } from './policy/policy.ts';
export { createTagSource, type TagSource } from './registry-tags.ts';
export { compareVersions, parseConstraint, parseVersion, type Version } from './policy/semver.ts';
export { createImageReflectorController, type ImageControllerDeps } from './toolkit/reflector.ts';
export { createImageAutomationController } from './toolkit/automation.ts';
