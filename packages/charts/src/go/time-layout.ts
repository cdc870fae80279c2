/** Go's time layouts: the reference time Mon Jan 2 15:04:05 MST 2006 cut into its fields. */

export type LayoutField =
  | 'January'
  | 'Jan'
  | '1'
  | '01'
  | 'Monday'
  | 'Mon'
  | '2'
  | '_2'
  | '02'
  | '__2'
  | '002'
  | '15'
  | '3'
  | '03'
  | '4'
  | '04'
  | '5'
  | '05'
  | '2006'
  | '06'
  | 'PM'
  | 'pm'
  | 'MST'
  | 'Z0700'
  | 'Z070000'
  | 'Z07'
  | 'Z07:00'
  | 'Z07:00:00'
  | '-0700'
  | '-070000'
  | '-07'
  | '-07:00'
  | '-07:00:00'
  | 'fraction0'
  | 'fraction9';

export type LayoutPart =
  | { readonly literal: string }
  | { readonly field: LayoutField; readonly digits: number; readonly separator: string };

// Longer fields stand before those they begin with; `Jan` and `Mon` must not be the start of a lower-case word.
const fields =
  /January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST|2006|__2|002|_2006|_2|01|02|03|04|05|06|15|1|2|3|4|5|PM|pm|Z070000|Z07:00:00|Z0700|Z07:00|Z07|-070000|-07:00:00|-0700|-07:00|-07|[.,](?:0+|9+)(?![0-9])/;

/** Splits a layout into literals and fields. */
export function parseLayout(layout: string): LayoutPart[] {
  const parts: LayoutPart[] = [];
  let rest = layout;
  while (rest !== '') {
    const match = fields.exec(rest);
    if (match === null) {
      parts.push({ literal: rest });
      break;
    }
    const [text] = match;
    // `_2006` is an underscore and a year.
    const head = rest.slice(0, match.index) + (text === '_2006' ? '_' : '');
    if (head !== '') parts.push({ literal: head });
    parts.push(fieldPart(text));
    rest = rest.slice(match.index + text.length);
  }
  return parts;
}

function fieldPart(text: string): LayoutPart {
  if (text === '_2006') return { field: '2006', digits: 0, separator: '' };
  if (/^[.,]/.test(text)) {
    return { field: text[1] === '0' ? 'fraction0' : 'fraction9', digits: text.length - 1, separator: text[0] ?? '.' };
  }
  return { field: text as LayoutField, digits: 0, separator: '' };
}
