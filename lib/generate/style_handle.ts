import { createHash } from 'node:crypto';
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

  constructor(values: Float32Array, count: number, dim: number, encoder?: string) {
    if (values.length !== count * dim) {
      throw new StylearError(
        'ERR_VALUE',
        `StyleHandle: expected values to be ${count} x ${dim}, got ${values.length}`,
      );
    }
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
    const tensor = weights.tensor(tensorName, [count, dim]);
    const encoder = weights.metadata(encoderKey);
    return new StyleHandle((await tensor.read()) as Float32Array, count, dim, encoder);
  }
}

const tensorName = 'style';
const styleFormat = 'stylear-style';
const encoderKey = 'encoder';
