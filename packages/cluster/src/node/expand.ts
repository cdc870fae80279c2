/** `$(NAME)` references in commands, arguments and environment values. */

/**
 * Replaces `$(NAME)` by its value; an unknown name stays as written and `$$` is a `$`.
 * Source: Kubernetes third_party/forked/golang/expansion.
 */
export function expandReferences(text: string, valueOf: (name: string) => string | undefined): string {
  return text.replace(/\$(\$|\(([^)]*)\))/g, (whole, escape: string, name: string | undefined) => {
    if (escape === '$') return '$';
    return name === undefined ? whole : (valueOf(name) ?? whole);
  });
}
