/** A pipeline's configuration after defaults, extends and references are resolved. */

export type When = 'on_success' | 'on_failure' | 'always' | 'never' | 'manual';

export interface Rule {
  readonly if?: string;
  readonly changes?: readonly string[];
  readonly exists?: readonly string[];
  readonly when?: When;
  readonly allowFailure?: boolean;
  readonly variables?: Readonly<Record<string, string>>;
  /** FILE:LINE */
  readonly where: string;
}

/** `only` and `except` in their long form. */
export interface RefPolicy {
  readonly refs: readonly string[];
  readonly variables: readonly string[];
  readonly changes: readonly string[];
}

export interface Need {
  readonly job: string;
  readonly optional: boolean;
  /** Fetch its artifacts. */
  readonly artifacts: boolean;
}

export interface Cache {
  /** Literal key, or the files whose content is the key. */
  readonly key:
    | { readonly type: 'text'; readonly text: string }
    | { readonly type: 'files'; readonly files: readonly string[]; readonly prefix: string };
  readonly paths: readonly string[];
  readonly policy: 'pull' | 'push' | 'pull-push';
}

export interface Artifacts {
  readonly paths: readonly string[];
  readonly exclude: readonly string[];
  readonly when: 'on_success' | 'on_failure' | 'always';
}

export interface JobConfig {
  readonly name: string;
  readonly stage: string;
  readonly image: string | undefined;
  readonly services: readonly string[];
  readonly beforeScript: readonly string[];
  readonly script: readonly string[];
  readonly afterScript: readonly string[];
  readonly variables: Readonly<Record<string, string>>;
  /** Which top-level variables the job gets. */
  readonly inheritVariables: boolean | readonly string[];
  readonly rules: readonly Rule[] | undefined;
  readonly only: RefPolicy | undefined;
  readonly except: RefPolicy | undefined;
  /** Undefined: after all jobs of earlier stages. */
  readonly needs: readonly Need[] | undefined;
  readonly dependencies: readonly string[] | undefined;
  readonly when: When;
  readonly allowFailure: boolean;
  readonly artifacts: Artifacts | undefined;
  readonly caches: readonly Cache[];
  readonly timeoutSeconds: number;
  readonly retries: number;
  /** Sentences about keywords without effect here; printed in the job's log. */
  readonly notes: readonly string[];
  /** FILE:LINE */
  readonly where: string;
}

export interface CiConfig {
  readonly stages: readonly string[];
  readonly variables: Readonly<Record<string, string>>;
  readonly workflow: readonly Rule[] | undefined;
  readonly jobs: readonly JobConfig[];
}
