import { gradients, valueAndGradients } from '../autograd/gradients.ts';
import { attention } from '../ops/attention.ts';
import { crossEntropy } from '../ops/cross_entropy.ts';
import { embedding } from '../ops/embedding.ts';
import { linear } from '../ops/linear.ts';
import { reshape } from '../ops/reshape.ts';
import { rmsNorm } from '../ops/rms_norm.ts';
import { rope } from '../ops/rope.ts';
import { mean } from '../ops/sum_rows.ts';
import { swiglu } from '../ops/swiglu.ts';
import { buildCommand } from '../package_folder.ts';
import type { Device } from '../tensor/device.ts';
import { listDevices, openDevice } from '../tensor/open_device.ts';
import { scope } from '../tensor/scope.ts';
import type { Tensor } from '../tensor/tensor.ts';

const sequences = 2;
const tokens = 128;
const heads = 8;
const headDim = 64;
const width = heads * headDim;
const inner = 1376;
const vocabulary = 2048;

/** The devices sum in different orders: that is 2^-24 a step, and grows with the depth of the block. */
const tolerance = 1e-4;

/**
 * Runs a transformer block forwards and backwards on every device of this machine, in f32, and
 * compares losses and gradients with those of the first. Prints a line per device.
 *
 * @returns the exit status: 1 when two devices differ by more than rounding explains
 */
export async function check(): Promise<number> {
  console.log(
    'This runs a transformer block, forwards and backwards: ' +
      `${sequences} x ${tokens} tokens, width ${width}, ${heads} heads, f32.`,
  );
  let first: { readonly name: string; readonly values: Float64Array } | undefined;
  let status = 0;
  // The emulated GPU is for small shapes in tests.
  for (const { name, score, why } of listDevices().filter(({ name }) => !name.startsWith('simt'))) {
    if (score <= 0) {
      console.log(`${name.padEnd(15)} not here: ${why}`);
      continue;
    }
    await using device = await openDevice(name);
    const { loss, values, milliseconds } = await runBlock(device);
    first ??= { name, values };
    const difference = relativeDifference(values, first.values);
    const agrees = difference <= tolerance;
    if (!agrees) status = 1;
    const comparison =
      first.name === name
        ? ''
        : `, gradients ${difference.toExponential(1)} from ${first.name}${agrees ? '' : ': TOO FAR'}`;
    console.log(
      `${name.padEnd(15)} ${milliseconds.toFixed(1)} ms, loss ${loss.toFixed(6)}${comparison}`,
    );
  }
  if (!first) {
    console.log(`No device runs here. Run ${buildCommand()} to build the CPU device.`);
    return 1;
  }
  return status;
}

/** The loss, all gradients after each other, and how long a step takes: the median of five. */
async function runBlock(
  device: Device,
): Promise<{ loss: number; values: Float64Array; milliseconds: number }> {
  const random = generator(20250519);
  const weight = (...shape: number[]) =>
    device.from(
      Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => random() / 20),
      shape,
    );
  const count = sequences * tokens;
  const positions = Array.from({ length: count }, (_, i) => i % tokens);
  const block: Block = {
    ids: integers(device, [sequences, tokens], () => Math.abs(random()) * 1e6),
    labels: integers(device, [count], () => Math.abs(random()) * 1e6),
    positions: device.from(Int32Array.from(positions), [sequences, tokens]),
    table: weight(vocabulary, width),
    norm1: device.full([width], 1),
    norm2: device.full([width], 1),
    toQ: weight(width, width),
    toK: weight(width, width),
    toV: weight(width, width),
    toOut: weight(width, width),
    toGate: weight(inner, width),
    toUp: weight(inner, width),
    toDown: weight(width, inner),
  };
  const { ids: _ids, labels: _labels, positions: _positions, ...parameters } = block;
  const wrt = Object.values(parameters);

  const times: number[] = [];
  for (let run = 0; run < 6; run++) {
    const started = performance.now();
    scope(() => void gradients(() => lossOf(block), wrt));
    await device.idle();
    if (run > 0) times.push(performance.now() - started);
  }
  const { value, gradients: taken } = valueAndGradients(() => lossOf(block), wrt);
  const [loss, ...parts] = await Promise.all([value, ...taken].map((tensor) => tensor.read()));
  const values = Float64Array.from([...loss!, ...parts.flatMap((part) => [...part])]);
  const milliseconds = times.sort((a, b) => a - b)[2]!;
  return { loss: loss![0]!, values, milliseconds };
}

interface Block {
  /** `[sequences, tokens]`, i32, as are `positions`. */
  readonly ids: Tensor;
  /** `[sequences * tokens]`, i32. */
  readonly labels: Tensor;
  readonly positions: Tensor;
  /** `[vocabulary, width]`; also what turns the result into logits. */
  readonly table: Tensor;
  /** `[width]`, as is `norm2`. */
  readonly norm1: Tensor;
  readonly norm2: Tensor;
  /** `[width, width]`, as are `toK`, `toV` and `toOut`. */
  readonly toQ: Tensor;
  readonly toK: Tensor;
  readonly toV: Tensor;
  readonly toOut: Tensor;
  /** `[inner, width]`, as is `toUp`. */
  readonly toGate: Tensor;
  readonly toUp: Tensor;
  /** `[width, inner]`. */
  readonly toDown: Tensor;
}

/** The mean cross-entropy of the next-token logits, `[1]`. */
function lossOf(w: Block): Tensor {
  const x = embedding(w.table, w.ids);
  const normed = rmsNorm(x, w.norm1);
  const asHeads = (y: Tensor) => reshape(y, [sequences, tokens, heads, headDim]);
  const q = rope(asHeads(linear(normed, w.toQ)), w.positions);
  const k = rope(asHeads(linear(normed, w.toK)), w.positions);
  const v = asHeads(linear(normed, w.toV));
  const attended = reshape(attention(q, k, v, { causal: true }), [sequences, tokens, width]);
  const h = linear(attended, w.toOut, { residual: x });
  const normed2 = rmsNorm(h, w.norm2);
  const gated = swiglu(linear(normed2, w.toGate), linear(normed2, w.toUp));
  const y = linear(gated, w.toDown, { residual: h });
  const logits = linear(y, w.table);
  return mean(crossEntropy(reshape(logits, [sequences * tokens, vocabulary]), w.labels));
}

function integers(device: Device, shape: readonly number[], next: () => number): Tensor {
  const length = shape.reduce((a, b) => a * b);
  return device.from(
    Int32Array.from({ length }, () => next() % vocabulary),
    shape,
  );
}

/** Numbers that are roughly normal, the same for a seed everywhere: mulberry32, twelve at a time. */
function generator(seed: number): () => number {
  let state = seed;
  const uniform = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return () => {
    let sum = -6;
    for (let i = 0; i < 12; i++) sum += uniform();
    return sum;
  };
}

/** `|a - b| / |b|`; NaN, which is not small, where either holds one. */
function relativeDifference(a: Float64Array, b: Float64Array): number {
  let squares = 0;
  let whole = 0;
  for (let i = 0; i < b.length; i++) {
    squares += (a[i]! - b[i]!) ** 2;
    whole += b[i]! ** 2;
  }
  return Math.sqrt(squares / whole);
}
