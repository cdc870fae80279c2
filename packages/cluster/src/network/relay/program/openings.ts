/** Where pods may connect to: what Towpath says is there, what was met on the way, and what refused. */

import type { Opening, RelayPart } from './toolkit.ts';

export const openingsPart: RelayPart = (kit) => {
  /** Met on the way and kept; each is one listener and one rule. */
  const maxMet = 512;
  const refuseMs = 3_000;
  const known = new Map<string, Opening>();
  const met = new Map<string, Opening>();
  const refused = new Set<string>();

  // One after another, so that a rule is not taken away before it is there.
  let turn: Promise<void> = Promise.resolve();
  const inTurn = (work: () => Promise<void>): Promise<void> => (turn = turn.then(work));

  kit.isOpen = (opening) => {
    const key = kit.keyOf(opening);
    return known.has(key) || met.has(key) || refused.has(key);
  };

  kit.setOpenings = (openings) =>
    inTurn(async () => {
      const wanted = new Map(openings.map((opening) => [kit.keyOf(opening), opening]));
      await kit.unlisten([...known.values()].filter((opening) => !wanted.has(kit.keyOf(opening))));
      known.clear();
      for (const [key, opening] of wanted) {
        known.set(key, opening);
        met.delete(key);
      }
      await kit.listen(openings);
    });

  kit.addOpenings = (openings) =>
    inTurn(async () => {
      for (const opening of openings) {
        const key = kit.keyOf(opening);
        // Put at the end: the oldest give way.
        met.delete(key);
        if (!known.has(key)) met.set(key, opening);
      }
      const old = [...met].slice(0, Math.max(0, met.size - maxMet));
      for (const [key] of old) met.delete(key);
      await kit.listen(openings);
      await kit.unlisten(old.map(([, opening]) => opening));
    });

  kit.refuse = (opening) =>
    inTurn(async () => {
      const key = kit.keyOf(opening);
      if (kit.isOpen(opening)) return;
      refused.add(key);
      setTimeout(() => {
        refused.delete(key);
        void kit.rule('del', [opening]);
      }, refuseMs);
      await kit.rule('add', [opening]);
    });
};
