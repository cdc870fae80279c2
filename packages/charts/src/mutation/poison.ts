/** Texts that are small to write and large to read. */

import type { Random } from '@towpath/kit';

/** Numbers beyond the kinds that hold them. */
export const hugeNumbers = [
  '1e400',
  '-1e400',
  '1e-400',
  '99999999999999999999999999',
  '9223372036854775808',
  '-9223372036854775809',
  '18446744073709551616',
  '0xffffffffffffffffffff',
  '.inf',
  '-.inf',
  '.nan',
  '-0',
  '0b1111',
  '00000000000000000008',
  '2147483648',
  '1000000000',
  `1${'0'.repeat(5000)}`,
  `0.${'1'.repeat(5000)}`,
];

/** Actions that ask for more than there is. */
export const greedyExpressions = [
  '{{ range until 2000000000 }}x{{ end }}',
  '{{ range untilStep 0 2000000000 1 }}x{{ end }}',
  '{{ untilStep 0 1 0 }}',
  '{{ range 9223372036854775807 }}{{ end }}',
  '{{ seq 1 2000000000 }}',
  '{{ repeat 2147483647 "abc" }}',
  '{{ repeat -1 "a" }}',
  '{{ indent 2147483647 "a\\nb" }}',
  '{{ nindent 9223372036854775807 "a" }}',
  '{{ printf "%2147483647d" 1 }}{{ printf "%.999999999f" 1.5 }}',
  '{{ printf "%*d" 99999999 1 }}',
  '{{ randAlphaNum 2147483647 }}',
  '{{ randBytes 2147483647 }}',
  '{{ regexFindAll "(a*)*b" (repeat 20000 "a") -1 }}',
  '{{ regexMatch "((a{1,1000}){1,1000}){1,1000}" "a" }}',
  '{{ regexReplaceAll "a*" (repeat 10000 "b") (repeat 10000 "c") }}',
  '{{ $l := list 1 }}{{ range until 64 }}{{ $l = concat $l $l }}{{ end }}{{ len $l }}',
  '{{ $s := "x" }}{{ range until 64 }}{{ $s = print $s $s }}{{ end }}{{ len $s }}',
  '{{ $s := "x" }}{{ range until 64 }}{{ $s = replace "x" "xxxxxxxx" $s }}{{ end }}{{ len $s }}',
  '{{ $s := "<" }}{{ range until 64 }}{{ $s = toJson $s }}{{ end }}{{ len $s }}',
  '{{ $d := dict }}{{ range until 60 }}{{ $d = dict "a" $d "b" $d }}{{ end }}{{ toYaml $d }}',
  '{{ $d := dict }}{{ range until 60 }}{{ $d = dict "a" $d "b" $d }}{{ end }}{{ deepCopy $d | len }}',
  '{{ $d := dict }}{{ range until 60 }}{{ $d = dict "a" $d "b" $d }}{{ end }}{{ merge (dict) $d | len }}',
  '{{ $d := dict }}{{ range until 60 }}{{ $d = dict "a" $d "b" $d }}{{ end }}{{ deepEqual $d (dict "a" 1) }}{{ eq $d $d }}',
  '{{ $d := dict }}{{ $_ := set $d "a" $d }}{{ print $d }}',
  '{{ $d := dict }}{{ $_ := set $d "a" $d }}{{ toJson $d }}{{ toToml $d }}{{ toYamlPretty $d }}',
  '{{ $d := dict }}{{ $_ := set $d "a" $d }}{{ deepCopy $d }}',
  '{{ $d := dict }}{{ $_ := set $d "a" $d }}{{ deepEqual $d $d }}{{ merge (dict "a" (dict "a" (dict))) $d }}',
  '{{ $l := list 1 }}{{ range until 100000 }}{{ $l = list $l }}{{ end }}{{ toYaml $l }}',
  '{{ $l := list 1 }}{{ range until 100000 }}{{ $l = list $l }}{{ end }}{{ $l | quote | len }}',
  '{{ $_ := set .Values "self" .Values }}{{ toYaml .Values }}',
  '{{ $_ := set .Values "self" . }}{{ toJson . }}',
  '{{ fromYaml (repeat 100000 "[") }}{{ fromJson (repeat 100000 "[") }}{{ fromJsonArray (repeat 100000 "[") }}',
  '{{ fromYaml (repeat 100000 "- ") }}{{ fromYaml (repeat 50000 "{a: ") }}{{ fromYamlArray (repeat 100000 "? ") }}',
  '{{ tpl (repeat 100000 "{{ if 1 }}") . }}',
  '{{ tpl (print "{{ " (repeat 100000 "(") ) . }}',
  '{{ tpl (print "{{ " (repeat 50000 "not (") "1" (repeat 50000 ")") " }}") . }}',
  '{{ wrapWith 1 (repeat 10000 "ab") (repeat 100000 "a") | len }}',
  '{{ substr 0 9223372036854775807 "a" }}{{ trunc -9223372036854775808 "abc" }}',
  '{{ slice (list 1 2) 5 1 }}',
  '{{ chunk 0 (list 1 2) }}{{ chunk -1 (list 1) }}',
  '{{ splitn "" 2147483647 "abc" }}',
  '{{ semverCompare (repeat 10000 ">=1 || ") "1.2.3" }}',
  '{{ toDecimal "99999999999999999999999" }}{{ div 1 0 }}',
  '{{ round 1e308 400 }}{{ round 1.5 -400 }}',
  '{{ date (repeat 100000 "2006") now | len }}',
  '{{ htpasswd "a" (repeat 100 "b") }}',
  '{{ index .Values 1 2 3 }}{{ index (list 1) 9223372036854775807 }}',
  '{{ (index (list 1 2) -1) }}',
  '{{ .Files.Glob (repeat 2000 "{a,") }}',
  '{{ .Files.Glob "**/**/**/**/**/**/*a*b*c*d*e*f*g" }}{{ .Files.Glob "[" }}',
  '{{ .Files.Lines "Chart.yaml" }}{{ (.Files.Glob "**").AsConfig | len }}',
  '{{ mustRegexMatch "(?P<a>" "" }}',
  '{{ $x := 1 }}{{ range $i, $x := until 1000000 }}{{ $x = add $x $i }}{{ end }}',
];

/** Templates that call themselves; NAME stands for one that the chart defines. */
export const endlessTemplates = [
  '{{ define "NAME" }}{{ include "NAME" . }}{{ end }}{{ include "NAME" . }}',
  '{{ define "NAME" }}{{ template "NAME" . }}{{ end }}{{ template "NAME" . }}',
  '{{ define "NAME" }}{{ tpl "{{ include \\"NAME\\" . }}" . }}{{ end }}{{ include "NAME" . }}',
  '{{ define "NAME" }}{{ include "NAME.b" . }}{{ end }}{{ define "NAME.b" }}{{ include "NAME" . }}{{ end }}{{ include "NAME" . }}',
  '{{ define "NAME" }}{{ include "NAME" . }}{{ include "NAME" . }}{{ end }}{{ include "NAME" . }}',
  '{{ define "NAME" }}{{ include "NAME" (list .) }}{{ end }}{{ include "NAME" . }}',
  '{{ define "NAME" }}{{ range until 10 }}{{ include "NAME" . }}{{ end }}{{ end }}{{ include "NAME" . }}',
  '{{ $_ := set .Values "t" "{{ tpl .Values.t . }}" }}{{ tpl .Values.t . }}',
  '{{ $_ := set .Values "t" "{{ tpl .Values.t . }}{{ tpl .Values.t . }}" }}{{ tpl .Values.t . }}',
  '{{ block "NAME" . }}{{ template "NAME" . }}{{ end }}',
];

/** Aliases that multiply, and such that hold themselves. */
export const knottedYaml = [
  'knot: &knot [*knot]',
  'knot: &knot {a: *knot}',
  'knot: &knot\n  <<: *knot\n  a: 1',
  'knot: &knot\n  a: &inner\n    b: *knot\n    c: *inner',
  'knot: *unknown',
  '? &knot [*knot]\n: 1',
  bomb(10, 10),
  bomb(40, 2),
  mergeBomb(12, 10),
  `knot: ${'&a '.repeat(2000)}1`,
  `knot: [${'*a, '.repeat(2000)}]`,
  `base: &base {${Array.from({ length: 1000 }, (_item, index) => `k${index}: ${index}`).join(', ')}}\nmany: [${'*base, '.repeat(2000)}]`,
];

/** Each level names the one before it `width` times. */
function bomb(levels: number, width: number): string {
  const lines = Array.from({ length: levels }, (_level, index) => {
    const item = index === 0 ? 'x' : `*b${index - 1}`;
    return `b${index}: &b${index} [${Array.from({ length: width }, () => item).join(', ')}]`;
  });
  return lines.join('\n');
}

function mergeBomb(levels: number, width: number): string {
  const lines = Array.from({ length: levels }, (_level, index) => {
    const merged = index === 0 ? '{a: 1}' : `[${Array.from({ length: width }, () => `*m${index - 1}`).join(', ')}]`;
    return `m${index}: &m${index}\n  <<: ${merged}\n  k${index}: 1`;
  });
  return lines.join('\n');
}

const depths = [50, 500, 5000, 100_000];

/** Nesting without an end in sight. */
export function deepText(kind: 'yaml' | 'template' | 'schema', random: Random): string {
  const depth = depths[random.integer(depths.length)] ?? 0;
  const texts = deepTexts[kind];
  return texts[random.integer(texts.length)]?.(depth) ?? '';
}

/** Blocks grow with the square of their depth. */
const blockDepthMax = 1500;

function block(depth: number, key: string): string {
  return Array.from({ length: Math.min(depth, blockDepthMax) }, (_line, index) => `${' '.repeat(index)}${key}`).join(
    '\n',
  );
}

function around(depth: number, open: string, inner: string, close: string): string {
  return `${open.repeat(depth)}${inner}${close.repeat(depth)}`;
}

const deepTexts: Readonly<Record<'yaml' | 'template' | 'schema', readonly ((depth: number) => string)[]>> = {
  yaml: [
    (depth) => `deep: ${around(depth, '[', '', ']')}`,
    (depth) => `deep: ${around(depth, '{a: ', '1', '}')}`,
    (depth) => `deep: ${'['.repeat(depth)}`,
    (depth) => block(depth, 'a:'),
    (depth) => `deep:\n${'- '.repeat(depth)}x`,
    (depth) => `deep:\n${'? '.repeat(depth)}x`,
    (depth) => `deep: ${'!!str '.repeat(depth)}x`,
    (depth) => `deep: "${'\\'.repeat(depth)}"`,
    (depth) => `${'a'.repeat(depth)}: ${'b'.repeat(depth)}`,
    (depth) => `${'---\n'.repeat(depth)}a: 1`,
    (depth) => `${'#'.repeat(depth)}\n${'\t'.repeat(depth)}a: |${'9'.repeat(depth)}`,
  ],
  template: [
    (depth) => around(depth, '{{ if true }}', 'x', '{{ end }}'),
    (depth) => around(depth, '{{ with . }}', 'x', '{{ end }}'),
    (depth) => around(depth, '{{ range list 1 }}', 'x', '{{ end }}'),
    (depth) => `{{ if false }}${'{{ else if false }}'.repeat(depth)}{{ end }}`,
    (depth) => `{{ ${around(depth, '(', '1', ')')} }}`,
    (depth) => `{{ ${around(depth, 'not (', '1', ')')} }}`,
    (depth) => `{{ ${around(depth, 'list (', 'list', ')')} | toJson }}`,
    (depth) => `{{ "a" ${'| quote '.repeat(Math.min(depth, 20))} }}`,
    (depth) => `{{ "a" ${'| upper '.repeat(depth)} }}`,
    (depth) => `{{ .Values${'.a'.repeat(depth)} }}`,
    (depth) => `{{ ${'('.repeat(depth)}`,
    (depth) => '{{ $x := 1 }}'.repeat(depth),
    (depth) => `a: {{ "${'['.repeat(Math.min(depth, 50_000))}" }}`,
    (depth) => `{{ cat ${'"a" '.repeat(depth)} }}`,
  ],
  schema: [
    (depth) => around(depth, '{"allOf":[', '{}', ']}'),
    (depth) => around(depth, '{"not":', '{}', '}'),
    (depth) => around(depth, '{"properties":{"a":', '{}', '}}'),
    (depth) => `{"$ref":"#${'/allOf/0'.repeat(depth)}"}`,
    () => '{"$ref":"#"}',
    () => '{"allOf":[{"$ref":"#"},{"$ref":"#"}]}',
    () => '{"$defs":{"a":{"anyOf":[{"$ref":"#/$defs/a"},{"$ref":"#/$defs/a"}]}},"$ref":"#/$defs/a"}',
    () =>
      '{"additionalProperties":{"anyOf":[{"$ref":"#"},{"not":{"$ref":"#"}},{"oneOf":[{"$ref":"#"},{"$ref":"#"}]}]}}',
    () => '{"patternProperties":{"^(a+)+$":{"type":"null"}},"propertyNames":{"pattern":"(a|aa)*b"}}',
    (depth) => `{"enum":[${'1,'.repeat(depth)}1]}`,
    (depth) => `{"multipleOf":1e-${Math.min(depth, 400)},"minLength":1e${Math.min(depth, 400)}}`,
    () => '{"minItems":-1,"type":7,"$schema":"file:///etc/passwd","$ref":"http://127.0.0.1:1/x"}',
  ],
};
