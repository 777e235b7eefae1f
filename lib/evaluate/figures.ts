import { randomOf } from '../curate/world/random.ts';

/** A measured number of one picture; pictures of one cluster depend on each other. */
export interface Observation {
  readonly cluster: number;
  readonly value: number;
}

/** A mean with its 95 % confidence interval, of so many observations. */
export interface Figure {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
  readonly count: number;
}

const resamples = 2000;

/**
 * The mean of all observations. Its interval is by the percentile bootstrap over clusters (Efron 1979):
 * pictures of one style are alike, so whole styles are drawn anew. With 10 clusters it is a little too
 * narrow, with fewer still more; where there is one, pictures are drawn instead.
 *
 * @param observations  at least one
 */
export const figureOf = (observations: readonly Observation[]): Figure =>
  bootstrapped(
    observations.map(({ cluster, value }) => ({ cluster, values: [value] })),
    ([mean]) => mean!,
  );

/**
 * The same of what happened or did not, 1 or 0, or how often of several times. Where it always did, or
 * never, nothing can be drawn that differs: there the interval is the exact one (Clopper and Pearson
 * 1934), as if each picture stood for itself.
 */
export function shareFigureOf(observations: readonly Observation[]): Figure {
  const figure = figureOf(observations);
  const apart = 1 - 0.025 ** (1 / figure.count);
  if (figure.high === 0) return { ...figure, high: apart };
  return figure.low === 1 ? { ...figure, low: 1 - apart } : figure;
}

/** The harmonic mean of the means of two measures, its interval by the same bootstrap. */
export const harmonicFigureOf = (
  pairs: readonly { readonly cluster: number; readonly values: readonly [number, number] }[],
): Figure => bootstrapped(pairs, ([a, b]) => harmonicMean(a!, b!));

/** Of two numbers; 0, which is its limit, where one of them is not above 0. */
const harmonicMean = (a: number, b: number): number =>
  Math.min(a, b) > 0 ? (2 * a * b) / (a + b) : 0;

/** What becomes of the means of several numbers of each picture. */
function bootstrapped(
  observations: readonly { readonly cluster: number; readonly values: readonly number[] }[],
  summary: (means: readonly number[]) => number,
): Figure {
  const clusters = new Map<number, { sums: number[]; count: number }>();
  // Of one cluster nothing can be said but by its pictures.
  const single = new Set(observations.map(({ cluster }) => cluster)).size === 1;
  for (const [i, { cluster: given, values }] of observations.entries()) {
    const cluster = single ? i : given;
    const own = clusters.get(cluster) ?? { sums: values.map(() => 0), count: 0 };
    own.sums = own.sums.map((sum, i) => sum + values[i]!);
    own.count++;
    clusters.set(cluster, own);
  }
  const all = [...clusters.values()];
  const summaryOf = (drawn: typeof all) => {
    const count = drawn.reduce((sum, own) => sum + own.count, 0);
    const sumOf = (i: number) => drawn.reduce((sum, { sums }) => sum + sums[i]!, 0);
    return summary(all[0]!.sums.map((_, i) => sumOf(i) / count));
  };
  const random = randomOf(0, 'bootstrap');
  const drawn = Float64Array.from({ length: resamples }, () =>
    summaryOf(all.map(() => random.pick(all))),
  ).sort();
  return {
    mean: summaryOf(all),
    low: drawn[Math.floor(0.025 * resamples)]!,
    high: drawn[Math.ceil(0.975 * resamples) - 1]!,
    count: observations.length,
  };
}
