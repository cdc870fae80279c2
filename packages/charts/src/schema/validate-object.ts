/** Checks of objects: their properties in the order of their names, so that the same values always read the same. */

import { matchesRegexp } from '../go/regexp.ts';
import { sortedKeys } from '../go/utf8.ts';
import { addProblem, isDecided, report, type Check } from './check.ts';
import { quotedList, singleQuoted } from './print.ts';
import type { Problem, Schema } from './types.ts';
import { boundsOf, checkCount } from './validate-scalar.ts';
import type { Steps } from './validate.ts';

type Values = ReadonlyMap<string, unknown>;

export function checkObject(check: Check, object: Values, steps: Steps): void {
  const { minProperties, maxProperties, required = [] } = check.schema.assertions;
  checkCount(check, object.size, ['minProperties', 'maxProperties'], boundsOf(minProperties, maxProperties));
  const missing = missingOf(object, required);
  if (missing.length === 1) report(check, () => `missing property ${quotedList(missing)}`);
  if (missing.length > 1) report(check, () => `missing properties ${quotedList(missing)}`);
  if (isDecided(check)) return;
  for (const [name, needs] of check.schema.applicators.dependencies ?? []) {
    if (!object.has(name)) continue;
    if (isSchema(needs)) addProblem(check, steps.checkSelf(check, needs));
    else checkDependency(check, object, name, needs);
  }
  checkProperties(check, object, steps);
  if (check.schema.draft === 4) return;
  const { propertyNames, dependentSchemas = new Map<string, Schema>() } = check.schema.applicators;
  if (propertyNames !== undefined) checkNames(check, object, propertyNames, steps);
  if (check.schema.draft === 6) return;
  for (const [name, schema] of dependentSchemas) {
    if (object.has(name)) addProblem(check, steps.checkSelf(check, schema));
  }
  for (const [name, needs] of check.schema.assertions.dependentRequired ?? []) {
    if (object.has(name)) checkDependency(check, object, name, needs);
  }
}

function isSchema(needs: readonly string[] | Schema): needs is Schema {
  return !Array.isArray(needs);
}

function missingOf(object: Values, names: readonly string[]): string[] {
  return names.filter((name) => !object.has(name));
}

function checkDependency(check: Check, object: Values, name: string, needs: readonly string[]): void {
  const missing = missingOf(object, needs);
  if (missing.length > 0)
    report(check, () => `properties ${quotedList(missing)} required, if ${singleQuoted(name)} exists`);
}

function checkProperties(check: Check, object: Values, steps: Steps): void {
  const { properties, patternProperties = [], additionalProperties } = check.schema.applicators;
  if (properties === undefined && patternProperties.length === 0 && additionalProperties === undefined) return;
  const refused: string[] = [];
  for (const name of sortedKeys(object)) {
    if (isDecided(check)) return;
    const value = object.get(name);
    const own = properties?.get(name);
    const matching = patternProperties
      .filter(({ expression }) => matchesRegexp(expression, name))
      .map(({ schema }) => schema);
    const schemas = own === undefined ? matching : [own, ...matching];
    for (const schema of schemas) addProblem(check, steps.checkChild(check, schema, value, name));
    if (schemas.length === 0 && additionalProperties === undefined) continue;
    check.unevaluated.properties.delete(name);
    if (schemas.length > 0) continue;
    if (additionalProperties === false) refused.push(name);
    else if (typeof additionalProperties === 'object')
      addProblem(check, steps.checkChild(check, additionalProperties, value, name));
  }
  if (refused.length > 0) report(check, () => `additional properties ${quotedList(refused)} not allowed`);
}

/** A name is checked on its own: what is wrong is told without a place. */
function checkNames(check: Check, object: Values, schema: Schema, steps: Steps): void {
  for (const name of sortedKeys(object)) {
    const causes: readonly Problem[] = steps.validate(schema, name, check.validation);
    if (causes.length === 0) continue;
    check.problems.push({ path: [], message: `invalid propertyName ${singleQuoted(name)}`, kind: 'check', causes });
  }
}
