/** Versions. Source: sprig, semver.go. */

import { satisfies } from '../go/semver-constraint.ts';
import { parseVersion } from '../go/semver.ts';
import { row, type FunctionRow } from './row.ts';

export const semver: readonly FunctionRow[] = [
  row({
    name: 'semver',
    args: ['string'],
    returns: '(*semver.Version, error)',
    doc: 'A version with methods such as Major, Minor, Patch, Prerelease and Compare.',
    example: ['{{ (semver "v1.2.3-rc.1").Minor }}', '2'],
    run: parseVersion,
  }),
  row({
    name: 'semverCompare',
    args: ['string', 'string'],
    returns: '(bool, error)',
    doc: 'Whether the version (second) satisfies the constraint (first).',
    example: ['{{ semverCompare ">=1.20-0" "v1.34.0-gke.1" }}', 'true'],
    run: satisfies,
  }),
];
