// How far two devices may differ, and how far they do.

export interface Agreement {
  /** Where they are allowed to be equal only in part: how large a part is not. */
  readonly unequal: number;
  /** `|a - b| / |b|` in Euclidean lengths. */
  readonly difference: number;
  readonly agrees: boolean;
}

/**
 * Sums of f32 in another order, exponentials and logarithms that are approximate on a GPU: what differed
 * between the CPU's levels and the emulated GPU stayed under a tenth of it, over all ops at all sizes.
 */
const f32Bound = 2e-5;
/** A result in bf16, or of inputs in bf16: 2^-9 for each rounding on the way, of which some add up. */
const bf16Bound = 1e-2;
/** Whole numbers are found by comparing sums; of thousands a few are equal to within rounding. */
const unequalBound = 2e-3;

/** Compares results of two devices. NaN agrees with nothing; zeros alone would show nothing. */
export function agreementOf(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  kind: 'integers' | 'f32' | 'bf16',
): Agreement {
  if (actual.length !== expected.length) return { unequal: 1, difference: Infinity, agrees: false };
  let unequal = 0;
  let squares = 0;
  let whole = 0;
  for (let i = 0; i < expected.length; i++) {
    const [a, b] = [actual[i]!, expected[i]!];
    if (a !== b) unequal++;
    if (a === b && !Number.isFinite(b)) continue; // -Infinity is what masks
    squares += (a - b) ** 2;
    whole += b ** 2;
  }
  const share = unequal / Math.max(expected.length, 1);
  const difference = squares === 0 ? 0 : Math.sqrt(squares / whole);
  if (kind === 'integers') return { unequal: share, difference, agrees: share <= unequalBound };
  const bound = kind === 'f32' ? f32Bound : bf16Bound;
  return { unequal: share, difference, agrees: whole > 0 && difference <= bound };
}
