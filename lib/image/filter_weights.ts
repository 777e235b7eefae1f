// The weights of Pillow's resampling, to the last bit: what it computes in float64 and rounds to
// fixed point, in the same order.

/** By what kernel a picture is resized. All are widened when shrinking, so that nothing aliases. */
export type SmoothFilter = 'box' | 'bilinear' | 'bicubic';

/** Fractional bits of the weights: sums of 255 times them fit 32 bits, with room for overshoot. */
export const weightBits = 22;

/** From which input elements each output element is summed along one axis. */
export interface FilterWeights {
  /** The first input element of each output element. */
  readonly starts: Int32Array;
  /** How many there are, at most `taps`. */
  readonly counts: Int32Array;
  readonly taps: number;
  /** `[outputs, taps]`, with {@link weightBits} fractional bits. */
  readonly weights: Int32Array;
}

interface Kernel {
  /** It is 0 further from the centre than this, in input elements when not shrinking. */
  readonly support: number;
  readonly at: (x: number) => number;
}

const kernels: Readonly<Record<SmoothFilter, Kernel>> = {
  box: { support: 0.5, at: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: { support: 1, at: (x) => Math.max(1 - Math.abs(x), 0) },
  bicubic: { support: 2, at: (x) => cubic(Math.abs(x)) },
};

/** The names of all of them. */
export const smoothFilters: readonly string[] = Object.keys(kernels);

/** Keys 1981, eq. 4, with a = -1/2. */
function cubic(x: number): number {
  const a = -0.5;
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

/**
 * The weights of outputs `first` to `first + outputs - 1`, where `inSize` elements are resized to
 * `outSize`.
 */
export function filterWeights(
  filter: SmoothFilter,
  inSize: number,
  outSize: number,
  first: number,
  outputs: number,
): FilterWeights {
  const kernel = kernels[filter];
  const scale = inSize / outSize;
  const widening = Math.max(scale, 1);
  const support = kernel.support * widening;
  const perInput = 1 / widening;
  const taps = Math.ceil(support) * 2 + 1;
  const starts = new Int32Array(outputs);
  const counts = new Int32Array(outputs);
  const weights = new Int32Array(outputs * taps);
  const exact = new Float64Array(taps);
  for (let i = 0; i < outputs; i++) {
    const centre = (first + i + 0.5) * scale;
    const start = Math.max(Math.trunc(centre - support + 0.5), 0);
    const count = Math.min(Math.trunc(centre + support + 0.5), inSize) - start;
    let sum = 0;
    for (let tap = 0; tap < count; tap++) {
      exact[tap] = kernel.at((start + tap - centre + 0.5) * perInput);
      sum += exact[tap]!;
    }
    for (let tap = 0; tap < count; tap++) {
      const share = (exact[tap]! / sum) * 2 ** weightBits;
      // Halves away from zero, as C's cast after adding them.
      weights[i * taps + tap] = Math.trunc(share < 0 ? share - 0.5 : share + 0.5);
    }
    starts[i] = start;
    counts[i] = count;
  }
  return { starts, counts, taps, weights };
}
