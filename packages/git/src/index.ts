export { type GitAuth, type GitTls, type HttpAuth, type SshAuth } from './auth.ts';
export { type CommitSigner, type FileEdit, type Signature } from './commit.ts';
export { copyRepository, type CopySource } from './copy.ts';
export { gitErrorCodes, type GitErrorCode } from './errors.ts';
export { createGit, type Git, type GitCall, type GitOptions, type GitResult } from './exec.ts';
export { wellKnownHosts } from './known-hosts.ts';
export { openMirror, type CommitAndPush, type Mirror, type MirrorOptions } from './mirror.ts';
export {
  changedPaths,
  isAncestor,
  readFile,
  readFiles,
  readLog,
  readRefs,
  readTree,
  resolveCommit,
  zeroId,
  type Commit,
  type LogOptions,
  type Refs,
  type Repo,
  type TreeEntry,
} from './objects.ts';
export { authOfSecret, type SecretAuth } from './secret-auth.ts';
export { prepareSigner, type PreparedSigner, type SignerResult, type SigningKeyOptions } from './signing.ts';
export { parseSeedEdits, seedRepository, type SeedEdits, type SeedOptions } from './seed.ts';
export {
  createGitServer,
  type BasicCredentials,
  type GitServer,
  type GitServerOptions,
  type PushedRef,
  type PushEvent,
} from './server/server.ts';
export { isRepositoryName } from './server/paths.ts';
export { credentialsInUrl, parseRemoteUrl, repositoryIdentity, safeUrl, type RemoteUrl } from './url.ts';
export {
  maxWebhookBytes,
  readWebhook,
  type WebhookProvider,
  type WebhookRequest,
  type WebhookResult,
} from './webhook.ts';
