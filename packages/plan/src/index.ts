/** What a commit would change, and why something is not well: reads and dry runs only. */

export { deployedRevision, openClone, ownUrl, stateAt, workTree, type Clone, type Deployed } from './clone.ts';
export { planErrorCodes } from './errors.ts';
export type { Query } from './facts.ts';
export { commentMark, planMarkdown } from './markdown.ts';
export { exitCodeOf, planChanges, type PlanInput, type PlanState } from './plan.ts';
export { postComment, postTarget } from './post.ts';
export { readOnlyTransport } from './read-only.ts';
export type * from './report.ts';
export { planText } from './text.ts';
export { explain, explainAll, findTarget } from './explain/explain.ts';
export type { Explanation, Finding, Link, ObjectName, Proof, Stage } from './explain/explanation.ts';
export { canaryRate, observe } from './explain/observe.ts';
export type { Snapshot } from './explain/snapshot.ts';
export { explanationText } from './explain/text.ts';
