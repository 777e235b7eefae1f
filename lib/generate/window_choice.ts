/** Windows that are compared. */
export const comparedWindows: readonly number[] = [1, 2, 4, 8, 16, 32];

/** How fast what was seen of drafts is forgotten: half of it in 35 steps. */
const decay = 0.98;

/** Every so many steps of one token a few are tried with drafts, to see whether these come true by now. */
const probing = { every: 64, steps: 4, window: 4 } as const;

/**
 * How many tokens are to be tried at once, from what a step costs and how often drafts come true. When
 * each draft is right with a chance `a`, a step of a window `w` decides `1 + a + ... + a^(w-1)` tokens;
 * the window with the most decided tokens a second is taken. What is drawn does not depend on it.
 */
export class WindowChoice {
  private readonly measure: (streams: number, window: number) => Promise<number>;
  /** Seconds of a step for each window of `comparedWindows`, by streams. */
  private readonly costs = new Map<number, readonly number[]>();
  /** Drafts that were right and wrong lately; at first as many of both, so that drafts get a try. */
  private right = 2;
  private wrong = 2;
  private plainSteps = 0;

  /** @param measure  seconds of a step of so many streams, each fed so many tokens */
  constructor(measure: (streams: number, window: number) => Promise<number>) {
    this.measure = measure;
  }

  /** The chance that a draft is right when those before it are, by what was seen lately. */
  get acceptance(): number {
    return this.right / (this.right + this.wrong);
  }

  /**
   * The window for the next step. What a step costs is measured when so many streams are first seen,
   * rounded up to a power of two.
   */
  async next(streams: number): Promise<number> {
    const costs = await this.costsOf(2 ** Math.ceil(Math.log2(streams)));
    let best = 0;
    comparedWindows.forEach((window, i) => {
      const rate = decidedBy(window, this.acceptance) / costs[i]!;
      if (rate > decidedBy(comparedWindows[best]!, this.acceptance) / costs[best]!) best = i;
    });
    if (best > 0) {
      this.plainSteps = 0;
      return comparedWindows[best]!;
    }
    const step = this.plainSteps++ % probing.every;
    return step >= probing.every - probing.steps ? probing.window : 1;
  }

  /**
   * What became of the drafts of a step.
   *
   * @param right  how many were
   * @param wrong  0 or 1: what stands after the first wrong one says nothing
   */
  observe(right: number, wrong: number): void {
    if (right + wrong === 0) return;
    this.right = decay * this.right + right;
    this.wrong = decay * this.wrong + wrong;
  }

  private async costsOf(streams: number): Promise<readonly number[]> {
    const known = this.costs.get(streams);
    if (known) return known;
    const costs: number[] = [];
    for (const window of comparedWindows) costs.push(await this.measure(streams, window));
    this.costs.set(streams, costs);
    return costs;
  }
}

/** Tokens that a step is expected to decide. */
function decidedBy(window: number, acceptance: number): number {
  let sum = 0;
  for (let i = 0, chance = 1; i < window; i++, chance *= acceptance) sum += chance;
  return sum;
}
