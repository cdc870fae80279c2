export { createJsonMergePatch, jsonMergePatch } from './json-merge.ts';
