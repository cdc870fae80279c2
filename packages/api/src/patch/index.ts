export { createJsonMergePatch, jsonMergePatch } from './json-merge.ts';
export { applyJsonPatch } from './json-patch.ts';
export { createThreeWayMergePatch, createTwoWayMergePatch } from './merge-diff.ts';
export { mergeSchemaFor, type MergeField, type MergeSchema } from './merge-schema.ts';
export { strategicMergePatch } from './strategic-merge.ts';
