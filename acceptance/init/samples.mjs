/** The samples of examples/init as its README describes them: three blocks of shell lines each. */

/** `{ folder, name, deliver, good, bad }` of every section with a sample; `name` is the service's and its folder's. */
export function readSamples(readme) {
  return readme
    .split(/^## /m)
    .slice(1)
    .map((section) => {
      const folder = /^.*`([\w-]+)`$/m.exec(section.split('\n')[0])?.[1];
      const [deliver, good, bad] = [...section.matchAll(/^```sh\n([^]*?)^```$/gm)].map(([, lines]) => lines);
      const name = /\/tmp\/([\w-]+) /.exec(deliver ?? '')?.[1];
      if (folder === undefined || name === undefined || bad === undefined) {
        throw new Error(`examples/init/README.md: "${section.split('\n')[0]}" is not a sample with three blocks`);
      }
      return { folder, name, deliver, good, bad };
    });
}
