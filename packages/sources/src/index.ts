export { createSourceController, type SourceControllerDeps } from './builtin.ts';
export { sourcesErrorCodes } from './errors.ts';
