import { Option } from '@commander-js/extra-typings';
import { describe, expect, it } from 'vitest';
import { commaList, goDuration, normalFlags } from './pflag.ts';

const options = [
  new Option('-n, --namespace <name>'),
  new Option('--set <text>'),
  new Option('--debug'),
  new Option('-g, --generate'),
  new Option('--no-hooks'),
  new Option('--dry-run [how]').preset('client'),
];

describe('flags as helm reads them', () => {
  it.each([
    ['a value after a space', ['--set', '--debug', 'x'], ['--set', '--debug', '--', 'x']],
    ['a value after =', ['--set=a=b'], ['--set', 'a=b']],
    [
      'a letter with its value',
      ['-nprod', '-n=dev', '-n', 'x'],
      ['--namespace', 'prod', '--namespace', 'dev', '--namespace', 'x'],
    ],
    ['letters that share a dash', ['-gnprod'], ['--generate', '--namespace', 'prod']],
    ['switches with a value', ['--debug=t', '--no-hooks=false', '-g=0'], ['--debug']],
    ['a switch that is turned off again', ['--debug', '--debug=false'], []],
    ['an optional value only after =', ['--dry-run', 'chart'], ['--dry-run=client', '--', 'chart']],
    ['an optional value', ['--dry-run=server'], ['--dry-run=server']],
    ['what follows two dashes', ['a', '--', '--debug'], ['--', 'a', '--debug']],
    ['help before anything that is wrong', ['--what', '-h'].toReversed(), ['--help']],
  ])('takes %s', (_name, args, expected) => {
    expect(normalFlags(options, args)).toEqual(expected);
  });

  it.each([
    [['--what'], 'unknown flag: --what'],
    [['-gx'], "unknown shorthand flag: 'x' in -x"],
    [['--set'], 'flag needs an argument: --set'],
    [['-n'], "flag needs an argument: 'n' in -n"],
    [
      ['-g=maybe'],
      'invalid argument "maybe" for "-g, --generate" flag: strconv.ParseBool: parsing "maybe": invalid syntax',
    ],
  ])('refuses %j', (args, message) => {
    expect(() => normalFlags(options, args)).toThrow(message);
  });

  it.each([
    ['1h5m0.5s', 3_900_500],
    ['0', 0],
    ['-5s', -5000],
    ['1.5ms', 1.5],
  ])('reads the duration %s', (text, ms) => {
    expect(goDuration(text)).toBe(ms);
  });

  it.each([
    ['x', 'time: invalid duration "x"'],
    ['5', 'time: missing unit in duration "5"'],
  ])('refuses the duration %s', (text, message) => {
    expect(() => goDuration(text)).toThrow(message);
  });

  it.each([
    ['a,b', ['a', 'b']],
    ['"a,b",c', ['a,b', 'c']],
    ['"say ""x"""', ['say "x"']],
    ['', []],
  ])('splits %s', (text, expected) => {
    expect(commaList(text)).toEqual(expected);
  });
});
