// One comparison of ours with a golden number.
import type { Device } from '../tensor/device.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Fixture, Values } from './fixture.ts';

/** One comparison with golden values, and how it came out. */
export interface Check {
  /** What is compared. */
  readonly name: string;
  /** The largest difference; for integers how many differ. */
  readonly error: number;
  /** What it may be at most. */
  readonly bound: number;
  readonly passed: boolean;
  /** What else is worth a word: where the largest difference is, what was left out and why. */
  readonly detail?: string | undefined;
}

/** What a verifier computes with. */
export interface Context {
  readonly device: Device;
  /** Of the activations of the transformer; CLIP, the resampler and the VQGAN run in f32. */
  readonly dtype: 'f32' | 'bf16';
}

/** Runs what a kind of fixture calls for. */
export type Verifier = (fixture: Fixture, context: Context) => AsyncIterable<Check>;

/**
 * A bf16 rounding is 2^16 times one of f32, and a fixture allows 20 times what f32 was seen to do:
 * 2^16 / 20 is 3277. The rest is for tensors of few elements, of which the largest error of one run
 * says little: PyTorch's own bf16 took up to 5400 on them, ours 5300.
 */
export const bf16Multiple = 8192;

/** How much of its f32 tolerance a tensor gets in `dtype`. */
export const multipleOf = (dtype: Context['dtype']): number =>
  dtype === 'bf16' ? bf16Multiple : 1;

/** Compares a tensor with the golden one `file:name`, within its tolerance times `multiple`. */
export async function compareTensor(
  fixture: Fixture,
  file: string,
  name: string,
  got: Tensor,
  multiple = 1,
): Promise<Check> {
  return compareValues(
    fixture,
    file,
    name,
    { shape: got.shape, values: await read(got) },
    multiple,
  );
}

/** As `compareTensor`, of values that are in JavaScript already. */
export function compareValues(
  fixture: Fixture,
  file: string,
  name: string,
  got: Values,
  multiple = 1,
): Check {
  const want = fixture.tensor(file, name);
  return compareNumbers(`${file}:${name}`, got, want, fixture.atol(file, name) * multiple);
}

/** Whether the elements agree within `bound`; extents of 1 in their shapes do not count. */
export function compareNumbers(name: string, got: Values, want: Values, bound: number): Check {
  const shape = ({ shape }: Values) => shape.filter((extent) => extent !== 1).join(', ');
  if (shape(got) !== shape(want)) {
    const detail = `expected [${want.shape.join(', ')}], got [${got.shape.join(', ')}]`;
    return { name, error: Number.POSITIVE_INFINITY, bound, passed: false, detail };
  }
  let error = 0;
  let at = 0;
  for (let i = 0; i < want.values.length; i++) {
    const difference = Math.abs(got.values[i]! - want.values[i]!);
    // What is not a number is as far off as can be, unless both are the same infinity.
    const here =
      got.values[i] === want.values[i] ? 0 : Number.isNaN(difference) ? Infinity : difference;
    if (here > error) [error, at] = [here, i];
  }
  const passed = error <= bound;
  return { name, error, bound, passed, detail: passed ? undefined : `largest at element ${at}` };
}

/** Whether two lists of integers, words or structures of such are the same. */
export function compareExactly(name: string, got: unknown, want: unknown): Check {
  const [ours, theirs] = [got, want].map((value) => (isList(value) ? [...value] : [value]));
  let error = Math.abs(ours!.length - theirs!.length);
  let first = error ? Math.min(ours!.length, theirs!.length) : -1;
  for (let i = Math.min(ours!.length, theirs!.length) - 1; i >= 0; i--) {
    if (JSON.stringify(ours![i]) === JSON.stringify(theirs![i])) continue;
    error++;
    first = i;
  }
  const shown = (list: readonly unknown[]) =>
    JSON.stringify(list[first])?.slice(0, 80) ?? 'nothing';
  const detail =
    error === 0 ? undefined : `element ${first}: expected ${shown(theirs!)}, got ${shown(ours!)}`;
  return { name, error, bound: 0, passed: error === 0, detail };
}

/** Of a picture's bytes, this many may be a level off: where rounding crosses an integer. */
const pictureShare = 0.002;

/** Whether two 8-bit pictures agree but for single levels in 0.2 % of their bytes. */
export function comparePicture(
  name: string,
  got: ArrayLike<number>,
  want: ArrayLike<number>,
): Check {
  if (got.length !== want.length) {
    const detail = `expected ${want.length} bytes, got ${got.length}`;
    return { name, error: Number.POSITIVE_INFINITY, bound: 1, passed: false, detail };
  }
  let error = 0;
  let off = 0;
  for (let i = 0; i < want.length; i++) {
    const difference = Math.abs(got[i]! - want[i]!);
    if (difference > 0) off++;
    if (difference > error) error = difference;
  }
  const passed = error <= 1 && off <= pictureShare * want.length;
  const detail = off === 0 ? undefined : `${off} of ${want.length} bytes differ`;
  return { name, error, bound: 1, passed, detail };
}

const isList = (value: unknown): value is Iterable<unknown> =>
  Array.isArray(value) || ArrayBuffer.isView(value);

async function read(tensor: Tensor): Promise<Float32Array | Int32Array | Int8Array> {
  return (await tensor.read()) as Float32Array | Int32Array | Int8Array;
}
