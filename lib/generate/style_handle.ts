import { createHash } from 'node:crypto';
import { isFloat32Array } from 'node:util/types';
import { StylearError } from '../error.ts';
import type { Device } from '../tensor/device.ts';
import { weightsError } from '../weights/byte_source.ts';
import { Weights } from '../weights/weights.ts';
import { writeSafetensors } from '../weights/write_safetensors.ts';

/**
 * A style that was encoded: the vectors that stand for it in a prompt, before any noise. It belongs to
 * no device, can be saved, and serves any number of requests.
 */
export class StyleHandle {
  /** `[count, dim]` */
  readonly values: Float32Array;
  readonly count: number;
  readonly dim: number;
  /** The same for the same vectors and for no others. */
  readonly key: string;
  /** Names the CLIP and the resampler that it is of; undefined where nobody knows. */
  readonly encoder: string | undefined;

  /**
   * @param values   `[count, dim]`, finite; kept, not copied
   * @param encoder  as `encoder` says
   * @throws `ERR_VALUE` when these do not belong together
   */
  constructor(values: Float32Array, count: number, dim: number, encoder?: string) {
    requireVectors(values, count, dim);
    this.values = values;
    this.count = count;
    this.dim = dim;
    this.encoder = encoder;
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    this.key = createHash('sha256').update(`${count}x${dim}:`).update(bytes).digest('base64url');
  }

  /**
   * Writes it as safetensors, 256 KiB for the released model. A path that ends in `.style` can then be
   * given wherever a reference picture can.
   */
  async save(path: string): Promise<void> {
    const { values, count, dim, encoder } = this;
    const elements = () => new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    const tensor = { dtype: 'F32' as const, shape: [count, dim], elements };
    await writeSafetensors(path, new Map([[tensorName, tensor]]), {
      format: styleFormat,
      ...(encoder !== undefined && { [encoderKey]: encoder }),
    });
  }

  /**
   * A style that `save` wrote.
   *
   * Rejects with `ERR_WEIGHTS` when the file is not one.
   *
   * @param device  any; nothing stays on it
   */
  static async load(path: string, device: Device): Promise<StyleHandle> {
    using weights = Weights.open(path, device, { dtype: 'f32' });
    const [count = 0, dim = 0, ...more] = weights.shapeOf(tensorName) ?? [];
    if (count * dim === 0 || more.length > 0)
      throw weightsError(path, 'the file', 'a style that was saved', 'one without style vectors');
    if (weights.metadata('format') !== styleFormat)
      throw weightsError(path, 'the file', 'a style that was saved', 'one of another kind');
    const values = (await weights.tensor(tensorName, [count, dim]).read()) as Float32Array;
    const odd = values.find((value) => !Number.isFinite(value));
    if (odd !== undefined)
      throw weightsError(path, 'the file', 'a style of finite numbers', `one with ${odd}`);
    return new StyleHandle(values, count, dim, weights.metadata(encoderKey));
  }
}

function requireVectors(values: Float32Array, count: number, dim: number): void {
  const wrong = (what: string, expected: string, got: unknown) =>
    new StylearError('ERR_VALUE', `StyleHandle: expected ${what} to be ${expected}, got ${got}`);
  for (const [name, extent] of Object.entries({ count, dim }))
    if (!Number.isSafeInteger(extent) || extent < 1)
      throw wrong(name, 'a whole number from 1', extent);
  if (!isFloat32Array(values)) throw wrong('values', 'a Float32Array', typeof values);
  if (values.length !== count * dim) throw wrong('values', `${count} x ${dim}`, values.length);
  const odd = values.find((value) => !Number.isFinite(value));
  if (odd !== undefined) throw wrong('values', 'finite', odd);
}

const tensorName = 'style';
const styleFormat = 'stylear-style';
const encoderKey = 'encoder';
