export { createMesh, type Mesh } from './mesh.ts';
