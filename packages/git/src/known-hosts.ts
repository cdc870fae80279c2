/** Host keys of public Git servers, as they publish them. */

/** Sources: docs.github.com "GitHub's SSH key fingerprints"; docs.gitlab.com "SSH host keys fingerprints". */
export const wellKnownHosts = [
  'github.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl',
  'gitlab.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAfuCHKVTjquxvt6CM6tdG4SLp1Btn/nOeHHE5UOzRdf',
].join('\n');
