/** Who may import whom: data for the tidy test and for readers. Every package may import itself, kit, and (but for kit) api. */

export const importTable = {
  kit: [],
  api: [],
  runtime: [],
  git: [],
  registry: [],
  charts: [],
  pipeline: ['runtime', 'git', 'registry'],
  images: ['runtime', 'registry', 'git', 'charts'],
  sync: ['runtime', 'git', 'registry'],
  releases: ['runtime', 'charts', 'registry', 'git'],
  sources: ['runtime', 'git', 'registry', 'charts', 'releases'],
  notifications: ['runtime'],
  cluster: ['runtime', 'registry'],
  mesh: ['runtime'],
  metrics: ['runtime'],
  rollouts: ['runtime', 'metrics'],
  plan: ['runtime', 'git', 'charts', 'sync', 'releases', 'rollouts'],
  dashboard: ['runtime'],
  cli: [
    'runtime',
    'git',
    'registry',
    'charts',
    'pipeline',
    'images',
    'sync',
    'releases',
    'sources',
    'notifications',
    'cluster',
    'mesh',
    'metrics',
    'rollouts',
    'plan',
    'dashboard',
  ],
};

/** What test files may import on top. */
export const testImports = ['cluster/testing', 'kit/testing'];
