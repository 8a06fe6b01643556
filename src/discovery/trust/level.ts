import type { Level, Standing } from '../standing.ts';
import type { Experience } from './experience.ts';
import { gravityOf, reliability } from './experience.ts';

/** The most that may be at risk with a node of each level, in sat. */
export interface Caps {
  readonly unknownSat: number;
  readonly provenSat: number;
  readonly goodSat: number;
}

/** The operator's word on a node; it stands above all we find out. */
export interface Ruling {
  readonly capSat: number | undefined;
  /** Where it was said. */
  readonly why: string;
}

/** An anchor's newest word on a node. */
export interface AnchorWord {
  readonly anchor: string;
  readonly label: string;
  readonly positive: boolean;
  readonly weight: number;
  readonly mayBlock: boolean;
}

/** All that a level rests on. */
export interface Evidence {
  readonly ruling: Ruling | undefined;
  readonly blacklisted: boolean;
  readonly words: readonly AnchorWord[];
  /** Its address names its key. */
  readonly linked: boolean;
  /** Faded to now. */
  readonly experience: Experience;
}

const MIN_PAID_RIGHT = 3;
const MIN_RETURNS = 1;
/** Above this no honest past helps. One overcharge fades below it in one or two weeks. */
const MAX_FAULTS = 0.25;
/** From here on nothing is bought: two in a week, or three small ones. */
const BLOCKING_FAULTS = 1.5;
/** Sum of the anchors' weights; a little less than 1, for sums of tenths. */
const MIN_ANCHOR_WEIGHT = 1 - 1e-9;
const MSAT_PER_SAT = 1000n;

const LEVEL_WEIGHT: Readonly<Record<Level, number>> = {
  blocked: 0,
  unknown: 0.5,
  proven: 0.8,
  good: 1,
  pinned: 1,
};
/** Whom the operator trusts does not begin as a stranger. */
const PINNED_PRIOR = 9;

/** How far a node is trusted, and why. Absent reviews change nothing. Pure. */
export function standingOf(evidence: Evidence, caps: Caps): Standing {
  const { ruling, experience } = evidence;
  if (ruling !== undefined) {
    return ruling.capSat === undefined
      ? blocked([ruling.why])
      : standing('pinned', ruling.capSat, experience, [ruling.why, ...faultsIn(experience)]);
  }
  const reasons = reasonsToBlock(evidence);
  if (reasons.length > 0) return blocked(reasons);
  const lacking = lackingForProven(evidence, caps);
  const [level, capSat] = levelWithCap(evidence, caps, lacking.length === 0);
  const known = [...linkOf(evidence), ...factsIn(experience), ...wordsIn(evidence.words)];
  return standing(level, capSat, experience, [...known, ...lacking]);
}

/**
 * What our own dealings alone say of a node, whatever the operator and the anchors say: it proved itself, it cheats, or neither.
 * Pure.
 */
export function judgementOn(
  evidence: Pick<Evidence, 'linked' | 'experience'>,
  caps: Caps,
): 'verified' | 'avoid' | undefined {
  if (gravityOf(evidence.experience) >= BLOCKING_FAULTS) return 'avoid';
  return lackingForProven(evidence, caps).length === 0 ? 'verified' : undefined;
}

function blocked(why: readonly string[]): Standing {
  return { level: 'blocked', capSat: 0, weight: 0, why };
}

function standing(
  level: Level,
  capSat: number,
  experience: Experience,
  why: readonly string[],
): Standing {
  const prior = level === 'pinned' ? PINNED_PRIOR : 0;
  return { level, capSat, weight: LEVEL_WEIGHT[level] * reliability(experience, prior), why };
}

function reasonsToBlock({ words, blacklisted, experience }: Evidence): string[] {
  return [
    ...words
      .filter(({ positive, mayBlock }) => mayBlock && !positive)
      .map(({ anchor, label }) => `the anchor ${short(anchor)} says "${label}"`),
    ...(blacklisted ? ['an anchor blacklists it'] : []),
    ...(gravityOf(experience) >= BLOCKING_FAULTS ? gravestIn(experience) : []),
  ];
}

function levelWithCap(
  { words, experience }: Evidence,
  caps: Caps,
  isProven: boolean,
): [Level, number] {
  if (!isProven) return ['unknown', caps.unknownSat];
  if (anchorWeight(words) >= MIN_ANCHOR_WEIGHT) return ['good', caps.goodSat];
  // Thus nobody proven can take more than went honestly through its hands before.
  return ['proven', Math.min(caps.provenSat, handledSat(experience))];
}

function anchorWeight(words: readonly AnchorWord[]): number {
  return words.reduce((sum, { positive, weight }) => sum + (positive ? weight : -weight), 0);
}

/** What it still has to show; nothing for a proven node. Each fault of the past asks for as much again. */
function lackingForProven(
  { linked, experience }: Pick<Evidence, 'linked' | 'experience'>,
  caps: Caps,
): string[] {
  const times = 1 + experience.faultsEver;
  const handled = handledSat(experience);
  const isWithinFaults = gravityOf(experience) <= MAX_FAULTS;
  return [
    ...(linked ? [] : ['lacks: an address that names its key']),
    ...lack('paid requests priced right', experience.paidRight, MIN_PAID_RIGHT * times),
    ...lack('debts paid back', experience.returns, MIN_RETURNS * times),
    // Else keys that cost nothing would leave the pool that all unknown nodes share.
    ...lack('sat handled honestly', handled, caps.unknownSat),
    ...(isWithinFaults ? [] : ['lacks: time since its last fault']),
  ];
}

function lack(what: string, has: number, needs: number): string[] {
  return has >= needs ? [] : [`lacks: ${what} (${has} of ${needs})`];
}

function handledSat({ handledMsat, lostMsat }: Experience): number {
  return handledMsat > lostMsat ? Number((handledMsat - lostMsat) / MSAT_PER_SAT) : 0;
}

function linkOf({ linked }: Evidence): string[] {
  return linked ? ['its address names its key'] : [];
}

function factsIn(experience: Experience): string[] {
  const { paidRight, returns, handledMsat } = experience;
  const isUsed = paidRight + returns > 0;
  const sat = handledMsat / MSAT_PER_SAT;
  const used = `paid requests priced right: ${paidRight}, debts paid back: ${returns}, sat handled: ${sat}`;
  return [...(isUsed ? [used] : []), ...faultsIn(experience)];
}

function gravestIn(experience: Experience): string[] {
  if (experience.faultsEver > 0) return faultsIn(experience);
  return ['it charged too much of what nobody can count'];
}

function faultsIn({ faultsEver, lostMsat }: Experience): string[] {
  if (faultsEver === 0) return [];
  return [`overcharges and kept change: ${faultsEver}, ${lostMsat} msat in all`];
}

function wordsIn(words: readonly AnchorWord[]): string[] {
  return words.map(({ anchor, label, weight }) => {
    const counted = weight === 1 ? '' : ` (weight ${weight})`;
    return `the anchor ${short(anchor)} says "${label}"${counted}`;
  });
}

function short(pubkey: string): string {
  return `${pubkey.slice(0, 8)}...`;
}
