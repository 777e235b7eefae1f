// Which candidates stay, and why the others do not.
import { NearHashes } from './difference_hash.ts';
import type { Scores } from './scores.ts';

/** What a candidate must have to stay. One without a score is not asked for it. */
export interface Thresholds {
  /** Of `text`, at least. */
  readonly minText?: number | undefined;
  /** Of `style`, at least. */
  readonly minStyle?: number | undefined;
  /** Of `colours`, at least. */
  readonly minColours?: number | undefined;
  /** Of `leakage`, at most. */
  readonly maxLeakage?: number | undefined;
  /** Bits by which hashes of near duplicates differ at most, of 192: the first of them stays. */
  readonly duplicateBits?: number | undefined;
}

/** Scores, or why there are none. */
export type Judged = (Scores & { readonly key: string }) | { readonly key: string; fault: string };

/** Why a candidate does not stay: no file that can be read, a threshold missed, nearly another. */
export type Reason = 'unreadable' | 'text' | 'style' | 'colours' | 'leakage' | 'duplicate';

/** Why each does not stay; undefined where it does. The first reason counts, in the order of `Reason`. */
export function reasonsToRemove(
  judged: readonly Judged[],
  thresholds: Thresholds,
): (Reason | undefined)[] {
  const { duplicateBits } = thresholds;
  const earlier = duplicateBits === undefined ? undefined : new NearHashes(duplicateBits);
  return judged.map((one) => {
    if ('fault' in one) return 'unreadable';
    return failed(one, thresholds)[0] ?? (earlier?.hasNear(one.hash) ? 'duplicate' : undefined);
  });
}

/** The thresholds that scores do not reach. */
function failed(scores: Scores, thresholds: Thresholds): Reason[] {
  const { minText, minStyle, minColours, maxLeakage } = thresholds;
  const isBelow = (score: number | undefined, least: number | undefined) =>
    score !== undefined && least !== undefined && score < least;
  const reasons: [Reason, boolean][] = [
    ['text', isBelow(scores.text, minText)],
    ['style', isBelow(scores.style, minStyle)],
    ['colours', isBelow(scores.colours, minColours)],
    ['leakage', isBelow(maxLeakage, scores.leakage)],
  ];
  return reasons.flatMap(([reason, fails]) => (fails ? [reason] : []));
}

/** How the values of a score are spread. */
export interface ScoreSummary {
  readonly count: number;
  readonly mean: number;
  readonly least: number;
  readonly most: number;
  /** How many lie in each of 20 equal parts from `least` to `most`. */
  readonly histogram: readonly number[];
}

/** How many candidates stay, and why the others do not. */
export interface FilterReport {
  readonly candidates: number;
  readonly kept: number;
  /** How many do not stay for each reason, each counted once. */
  readonly removed: Readonly<Partial<Record<Reason, number>>>;
  /** How many miss each threshold, whatever else they miss. */
  readonly failed: Readonly<Partial<Record<Reason, number>>>;
  /** Of all that could be read. */
  readonly scores: Readonly<Record<string, ScoreSummary>>;
  /** What was wrong with the first of those that could not. */
  readonly faults: readonly string[];
}

/** Counts what stays and what does not, and sums up the scores of all that could be read. */
export function filterReport(
  judged: readonly Judged[],
  reasons: readonly (Reason | undefined)[],
  thresholds: Thresholds,
): FilterReport {
  const read = judged.flatMap((one) => ('fault' in one ? [] : [one]));
  const removed = countsOf(reasons.flatMap((reason) => reason ?? []));
  const scores = (['text', 'style', 'colours', 'leakage'] as const).flatMap((name) => {
    const values = read.flatMap((one) => one[name] ?? []);
    return values.length > 0 ? [[name, summaryOf(values)] as const] : [];
  });
  return {
    candidates: judged.length,
    kept: reasons.filter((reason) => reason === undefined).length,
    removed,
    failed: countsOf(read.flatMap((one) => failed(one, thresholds))),
    scores: Object.fromEntries(scores),
    faults: judged.flatMap((one) => ('fault' in one ? [one.fault] : [])).slice(0, 20),
  };
}

function countsOf(reasons: readonly Reason[]): Partial<Record<Reason, number>> {
  const counts: Partial<Record<Reason, number>> = {};
  for (const reason of reasons) counts[reason] = (counts[reason] ?? 0) + 1;
  return counts;
}

const bins = 20;

function summaryOf(values: readonly number[]): ScoreSummary {
  const [least, most] = values.reduce(
    ([least, most], value) => [Math.min(least, value), Math.max(most, value)],
    [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  );
  const histogram = new Array<number>(bins).fill(0);
  const width = (most - least) / bins || 1;
  for (const value of values) histogram[Math.min(Math.floor((value - least) / width), bins - 1)]!++;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return { count: values.length, mean, least, most, histogram };
}
