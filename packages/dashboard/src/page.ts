/** The page's frame: everything in it is drawn by the script. */

/** Nothing from elsewhere: no fonts, no scripts, no pictures. */
export const contentSecurityPolicy =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** The document; `assets` are the paths of script and style. */
export function pageHtml(assets: { readonly script: string; readonly style: string }): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Towpath</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${assets.style}">
<script type="module" src="${assets.script}"></script>
</head>
<body>
<noscript>This page needs JavaScript. The same facts: towpath get helmreleases,canaries,pipelines</noscript>
<div id="app"></div>
</body>
</html>
`;
}
