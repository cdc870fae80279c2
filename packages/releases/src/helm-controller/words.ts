/** Helm 4's words for what Helm 3 says otherwise. */

const install: readonly (readonly [RegExp, string])[] = [
  [/^cannot re-use a name/, 'release name check failed: cannot reuse a name'],
  [/^((?:\[)?resource mapping not found)/, 'unable to build kubernetes objects from release manifest: $1'],
];
const always: readonly (readonly [RegExp, string])[] = [
  [/^Unable to continue with/, 'unable to continue with'],
  [/^(failed to create resource: )+/, 'failed to create resource: '],
];

export function helm4Words(message: string, action: 'install' | 'upgrade' | 'other'): string {
  const rules = action === 'install' ? [...install, ...always] : always;
  return rules.reduce((text, [pattern, words]) => text.replace(pattern, words), message);
}
