/** Which parts of templates ran. */

import type { Statement, Tree, ListNode } from '../template/nodes.ts';
import { placeAt } from './places.ts';
import type { CoverageUnit, TemplateCoverage } from './types.ts';

/** The coverage of one template file: of its own text and of what it defines. */
export function coverageOf(
  template: string,
  trees: Iterable<Tree>,
  ran: ReadonlySet<Statement>,
): TemplateCoverage | undefined {
  const units = [...trees].flatMap((tree) => statementsOf(tree.root).map((node) => unitOf(node, ran)));
  return units.length === 0 ? undefined : summary(template, units);
}

function summary(template: string, units: readonly CoverageUnit[]): TemplateCoverage {
  const missed = new Set<number>();
  for (const unit of units) {
    if (!unit.ran) for (let line = unit.line; line <= unit.lastLine; line += 1) missed.add(line);
  }
  return {
    template,
    ran: units.filter((unit) => unit.ran).length,
    total: units.length,
    missedLines: [...missed].toSorted((left, right) => left - right),
    units,
  };
}

/** Blank texts and control structures that only hold others are no units of their own. */
function statementsOf(list: ListNode): Statement[] {
  return list.nodes.flatMap((node) => {
    switch (node.type) {
      case 'text':
        return node.text.trim() === '' ? [] : [node];
      case 'if':
      case 'with':
      case 'range':
        return [node, ...statementsOf(node.list), ...(node.elseList === undefined ? [] : statementsOf(node.elseList))];
      default:
        return [node];
    }
  });
}

function unitOf(node: Statement, ran: ReadonlySet<Statement>): CoverageUnit {
  const { source } = node;
  const isText = node.type === 'text';
  const start = isText ? node.at + node.text.length - node.text.trimStart().length : node.at;
  const end = isText ? node.at + node.text.trimEnd().length - 1 : node.at;
  return { line: placeAt(source, start).line, lastLine: placeAt(source, end).line, ran: ran.has(node) };
}

/** Adds up several renders of one chart: what any of them ran is run. */
export function mergeCoverage(renders: readonly (readonly TemplateCoverage[])[]): TemplateCoverage[] {
  const merged = new Map<string, TemplateCoverage>();
  for (const { template, units } of renders.flat()) {
    const known = merged.get(template)?.units;
    const joined = units.map((unit, index) => ({ ...unit, ran: unit.ran || known?.[index]?.ran === true }));
    merged.set(template, summary(template, joined));
  }
  return [...merged.values()];
}
