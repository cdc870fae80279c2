import { describe, expect, test } from 'vitest';
import { matchesRequirements, matchesSelector, parseLabelSelector } from './selectors.ts';

describe('parseLabelSelector', () => {
  test.each([
    { text: 'app=frontend', labels: { app: 'frontend' }, want: true },
    { text: 'app==frontend', labels: { app: 'cart' }, want: false },
    { text: 'app!=frontend', labels: {}, want: true },
    { text: 'app in (a, b),tier', labels: { app: 'b', tier: '' }, want: true },
    { text: 'app notin (a)', labels: { app: 'a' }, want: false },
    { text: '!app', labels: { app: 'a' }, want: false },
    { text: 'weight>5', labels: { weight: '10' }, want: true },
    { text: 'weight<5', labels: {}, want: false },
    { text: '', labels: {}, want: true },
    { text: 'app.kubernetes.io/name=x', labels: { 'app.kubernetes.io/name': 'x' }, want: true },
  ])('$text on $labels is $want', ({ text, labels, want }) => {
    expect(matchesRequirements(parseLabelSelector(text), labels)).toBe(want);
  });

  test.each(['app=(', 'a in b', '=x'])('%s is refused', (text) => {
    expect(() => parseLabelSelector(text)).toThrow('unable to parse requirement');
  });
});

test('an absent selector matches nothing, an empty one everything', () => {
  expect(matchesSelector(undefined, { a: 'b' })).toBe(false);
  expect(matchesSelector({}, { a: 'b' })).toBe(true);
});
