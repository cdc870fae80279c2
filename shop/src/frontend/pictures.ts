/** The product pictures: drawn here, as SVG. */

const background = '#eef2ef';

function picture(shapes: string): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 200" role="img"><rect width="200" height="200" fill="${background}"/>${shapes}</svg>`;
}

export const pictures: Readonly<Record<string, string>> = {
  sunglasses: picture(
    '<g fill="#2b2f36"><circle cx="62" cy="104" r="34"/><circle cx="138" cy="104" r="34"/></g><path d="M92 98q8-8 16 0M28 98l-14-12M172 98l14-12" stroke="#8a6d3b" stroke-width="6" fill="none" stroke-linecap="round"/><path d="M44 92l22-10M120 92l22-10" stroke="#fff" stroke-opacity=".35" stroke-width="6" stroke-linecap="round"/>',
  ),
  'tank-top': picture(
    '<path d="M66 34q6 34 34 34t34-34l18 6q-8 36 14 54v76H34V94q22-18 14-54z" fill="#9bd3bd"/><path d="M34 160h132" stroke="#7ab8a1" stroke-width="6"/>',
  ),
  watch: picture(
    '<path d="M82 10h36l4 52H78zM78 138h44l-4 52H82z" fill="#a8423f"/><circle cx="100" cy="100" r="48" fill="#fbfbf8" stroke="#3a3f47" stroke-width="8"/><path d="M100 100V70M100 100l20 12" stroke="#3a3f47" stroke-width="5" stroke-linecap="round"/>',
  ),
  loafers: picture(
    '<path d="M22 120q0-36 30-36 22 24 54 28 52 6 72 26v14H22z" fill="#d8bd8f"/><path d="M22 152h156v12H22z" fill="#8a6d3b"/><path d="M70 96q18 6 30 22" stroke="#8a6d3b" stroke-width="4" fill="none" stroke-dasharray="6 5"/>',
  ),
  hairdryer: picture(
    '<path d="M40 58h84q34 0 34 30t-34 30H40q-14-30 0-60z" fill="#d06f5b"/><path d="M92 118h30l-10 62H88z" fill="#a94f3d"/><circle cx="124" cy="88" r="16" fill="#f7e3dc"/><path d="M26 66h8v44h-8z" fill="#3a3f47"/>',
  ),
  'candle-holder': picture(
    '<path d="M84 60h32v70H84z" fill="#f6e9c9"/><path d="M100 60V46" stroke="#3a3f47" stroke-width="3"/><path d="M100 20q12 14 0 28-12-14 0-28z" fill="#e9a23b"/><path d="M58 130h84l-8 14H66z" fill="#3a3f47"/><path d="M72 144l-14 38M128 144l14 38M100 144v38" stroke="#3a3f47" stroke-width="7" stroke-linecap="round"/>',
  ),
  'salt-and-pepper-shakers': picture(
    '<path d="M38 74h48l8 96H30z" fill="#fbfbf8" stroke="#c9cdc8" stroke-width="3"/><path d="M114 74h48l8 96h-64z" fill="#4a4742"/><path d="M42 74q20-36 40 0zM118 74q20-36 40 0z" fill="#9aa09b"/><g fill="#3a3f47"><circle cx="54" cy="64" r="2"/><circle cx="62" cy="60" r="2"/><circle cx="70" cy="64" r="2"/><circle cx="130" cy="64" r="2"/><circle cx="138" cy="60" r="2"/><circle cx="146" cy="64" r="2"/></g>',
  ),
  'bamboo-glass-jar': picture(
    '<rect x="48" y="58" width="104" height="122" rx="14" fill="#dbe9ee" stroke="#a9c3cc" stroke-width="4"/><path d="M52 120h96v46q0 10-10 10H62q-10 0-10-10z" fill="#f3ead6"/><rect x="44" y="34" width="112" height="28" rx="6" fill="#caa46a"/><path d="M44 48h112" stroke="#a9844e" stroke-width="2"/>',
  ),
  mug: picture(
    '<path d="M46 52h86v102q0 20-20 20H66q-20 0-20-20z" fill="#d9a62e"/><path d="M132 78q38-4 38 28t-38 30" stroke="#d9a62e" stroke-width="14" fill="none"/><ellipse cx="89" cy="52" rx="43" ry="10" fill="#fbfbf8"/><ellipse cx="89" cy="53" rx="34" ry="6" fill="#6b4a2b"/>',
  ),
};
