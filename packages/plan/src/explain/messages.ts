/** What the messages of Git, Helm, Flux and the API server mean, whoever passes them on. */

export interface MessageCause {
  readonly cause: string;
  readonly pattern: RegExp;
  readonly sentence: string;
  readonly next: string;
  readonly isConsequence?: true;
}

/** The first row that matches decides: the more certain come first. */
export const messageCauses: readonly MessageCause[] = [
  {
    cause: 'image-missing',
    pattern: /NAME_UNKNOWN|repository name not known to registry/,
    sentence: 'the registry has no image of that name',
    next: 'push it once, or correct spec.image',
  },
  {
    cause: 'no-matching-tag',
    pattern: /unable to determine latest version from provided list|version list argument cannot be empty/,
    sentence: 'no tag of the image matches the policy',
    next: 'push a tag that matches, or widen the range or the filter',
  },
  {
    cause: 'policy-invalid',
    pattern: /invalid policy: |failed to filter tags: |failed to parse invalid numeric value/,
    sentence: 'the policy cannot be applied to the tags',
    next: 'correct what the message names',
  },
  {
    cause: 'message-template',
    pattern: /commit message template from spec|failed to run template from spec|template uses removed/,
    sentence: "the template of the commit's message is wrong",
    next: 'correct spec.git.commit.messageTemplate',
  },
  {
    cause: 'git-authentication',
    pattern:
      /authentication (?:failed|required)|permission denied \(|could not read (?:username|password)|unable to authenticate|invalid credentials|handshake failed|host key verification|access (?:denied|rights)|\b(?:401|403)\b|refuses? the credentials|deploy key|unauthori[sz]ed/i,
    sentence: 'Git (or the registry) refuses the credentials',
    next: 'give the deploy key write access, or renew the Secret it is read from',
  },
  {
    cause: 'git-branch-missing',
    pattern:
      /has no branch\b|couldn't find remote ref|reference not found|unable to (?:clone|checkout).*not found.*ref/i,
    sentence: 'the branch, tag or commit is not in the repository',
    next: 'push it, or correct the reference',
  },
  {
    cause: 'values-schema',
    pattern: /don't meet the specifications of the schema|values\.schema\.json|jsonschema/i,
    sentence: "the values do not meet the chart's schema",
    next: 'correct the value that the message names',
  },
  {
    cause: 'immutable-field',
    pattern: /field is immutable|is immutable\b|immutable field/i,
    sentence: 'a field changed that can never be changed on an existing object',
    next: 'delete the object so that it is created again, or take the change back',
  },
  {
    cause: 'ownership-conflict',
    pattern:
      /invalid ownership metadata|cannot be imported into the current release|appears to be managed by|belongs? to (?:release|another)|conflicts? with "|duplicate definition of|already (?:exists|managed)/i,
    sentence: 'an object belongs to somebody else',
    next: 'remove it from one of the two, or annotate it for the release that shall own it (meta.helm.sh/release-name)',
  },
  {
    cause: 'kind-missing',
    pattern: /no matches for kind|resource mapping not found|could not find the requested resource|serves no /i,
    sentence: 'the cluster does not know a kind that is used',
    next: 'install the CRDs it comes from first',
  },
  {
    // A folder that is not there is named in it, which is not the path of a Kustomization.
    cause: 'chart-missing',
    pattern: /invalid chart reference: /i,
    sentence: 'the chart cannot be found',
    next: "correct the chart's path, name or version",
  },
  {
    cause: 'path-missing',
    pattern: /has no folder|path not found|no such file or directory|path .* does not exist|lstat /i,
    sentence: 'the path that is synchronised is not in the repository',
    next: 'create it, or correct the path',
  },
  {
    cause: 'render-error',
    pattern:
      /\/templates\/[\w./-]+|template: |parse error at|execution error at|error calling|rendering|function "\w+" not defined/i,
    sentence: 'a template of the chart cannot be rendered',
    next: 'correct the template or the value it reads; towpath plan shows it before the push',
  },
  {
    cause: 'chart-missing',
    pattern:
      /chart (?:.* )?(?:not found|unavailable)|no chart (?:name|version)|Chart\.yaml file is missing|is no chart|no '?HelmChart'? source|invalid chart reference|Chart fetch failed|chart not ready|no chart|could not find valid chart source|chart pull error|failed to prepare chart/i,
    sentence: 'the chart cannot be found',
    next: "correct the chart's path, name or version",
  },
  {
    cause: 'manifest-invalid',
    pattern:
      /is no Kubernetes object|kustomize build failed|error (?:converting|parsing) YAML|yaml: |is invalid:|Invalid value|unknown field|strict decoding|cannot parse|malformed|BuildFailed|flow (?:collection|sequence)|Unsupported value|did not find expected|Required value/i,
    sentence: 'a manifest is not valid',
    next: 'correct the file that the message names',
  },
  {
    cause: 'forbidden',
    pattern: /is forbidden\b|forbidden:/i,
    sentence: 'the service account may not do this',
    next: 'give it the right that the message names',
  },
  {
    cause: 'source-not-ready',
    pattern: /source artifact not found|source '.*' (?:is not ready|not found)/i,
    sentence: 'its source has nothing to apply yet',
    next: 'explain its source',
    isConsequence: true,
  },
  {
    cause: 'dependency-not-ready',
    pattern: /dependency '|Dependencies do not meet|DependencyNotReady|no tags in database/i,
    sentence: 'it waits for another object',
    next: 'explain that object',
    isConsequence: true,
  },
  {
    cause: 'source-unreachable',
    pattern:
      /could not resolve host|connection refused|dial tcp|ECONNREFUSED|ENOTFOUND|no such host|does not answer|i\/o timeout|unable to access|failed to (?:fetch|checkout)|unable to clone/i,
    sentence: 'the source cannot be reached',
    next: 'check its address, and the network between the cluster and it',
  },
  {
    cause: 'not-ready-in-time',
    pattern: /timed out|timeout|deadline exceeded|health check failed|not ready: /i,
    sentence: 'what was applied did not become ready in time',
    next: 'look at its pods',
    isConsequence: true,
  },
];

export function causeOf(message: string): MessageCause | undefined {
  return messageCauses.find(({ pattern }) => pattern.test(message));
}

/** The template or file, with its line, that a message names. */
export function placeOf(message: string): string | undefined {
  const decoded = /([\w./-]+\.ya?ml): [^\n]*yaml: line (\d+)/.exec(message);
  // kustomize names the copy that its controller made.
  if (decoded !== null)
    return decoded
      .slice(1, 3)
      .join(':')
      .replace(/^.*kustomization-\d+\//, '');
  return (
    /([\w./-]+\.(?:ya?ml|tpl|txt|json)):(?:line )?(\d+)/.exec(message)?.slice(1, 3).join(':') ??
    /\(([\w./-]+\/templates\/[\w./-]+)\)/.exec(message)?.[1]
  );
}
