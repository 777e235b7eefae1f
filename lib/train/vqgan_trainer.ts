import { StylearError } from '../error.ts';
import type { Picture } from '../image/picture.ts';
import { vqganPixels } from '../image/vqgan_pixels.ts';
import type { Vqgan } from '../models/vqgan.ts';
import { add, scale, subtract } from '../ops/add.ts';
import { slice } from '../ops/copy_slice.ts';
import { linear } from '../ops/linear.ts';
import { matmul } from '../ops/matmul.ts';
import { multiply } from '../ops/multiply.ts';
import { reshape } from '../ops/reshape.ts';
import { mean } from '../ops/sum_rows.ts';
import type { Device } from '../tensor/device.ts';
import { keep } from '../tensor/lifetime.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { DeadCodes } from './dead_codes.ts';
import type { Draws } from './draws.ts';
import { magnitude } from './magnitude.ts';
import { textureLoss } from './texture_loss.ts';
import type { NamedTensors, PreparedBatch, StepLoss, Trainer } from './trainer.ts';

/** How much each term of the loss counts, 0 or more. */
export interface VqganLossWeights {
  /** Of the mean absolute difference of pixels in [-1, 1]; 1 unless told. */
  readonly absolute?: number | undefined;
  /** Of the mean squared difference; 1 unless told. */
  readonly squared?: number | undefined;
  /**
   * Of the mean absolute difference of the steps from pixel to pixel, which asks for edges where the
   * picture has them; 0 unless told.
   */
  readonly edges?: number | undefined;
  /**
   * Of the mean squared difference of colour apart from brightness, along red to green and yellow to
   * blue; 0 unless told. Without it few codes tell hues apart, as most of a difference is brightness.
   */
  readonly chroma?: number | undefined;
  /**
   * Of how unlike the strength of texture is, wherever its strokes lie; see `textureLoss`. 0 unless
   * told.
   */
  readonly texture?: number | undefined;
  /**
   * Of the mean square by which the covariance of the latents' dimensions is off the identity; 0 unless
   * told. A dimension that falls below what rounding adds to it is not used, and nothing brings it back
   * without this.
   */
  readonly covariance?: number | undefined;
  /** Of what draws codes to latents; 1 unless told. */
  readonly codebook?: number | undefined;
  /** Of what keeps latents at their codes; 0.25 unless told (van den Oord et al. 2017). */
  readonly commitment?: number | undefined;
}

/** How a VQGAN is trained. */
export interface VqganTrainerOptions {
  /** Of the terms of the loss. */
  readonly weights?: VqganLossWeights | undefined;
  /** Steps without use after which a code is put where a latent is; 0 for never, 100 unless told. */
  readonly deadAfter?: number | undefined;
  /** Mirror every other picture; true unless told. */
  readonly mirror?: boolean | undefined;
  /** See `VqganForwardOptions`. */
  readonly checkpointed?: boolean | undefined;
}

/** A picture, and what errors call it. */
export interface VqganExample extends Picture {
  /** Such as its key in a shard. */
  readonly name?: string | undefined;
}

/** Trains encoder, codebook and decoder to give pictures back. */
export class VqganTrainer implements Trainer<VqganExample, Tensor> {
  readonly device: Device;
  readonly parameters: NamedTensors;
  readonly state: NamedTensors;
  private readonly vqgan: Vqgan;
  private readonly options: VqganTrainerOptions;
  private readonly deadCodes: DeadCodes | undefined;

  /** @param parameters  of the network, f32: what its `Weights` hold */
  constructor(vqgan: Vqgan, parameters: NamedTensors, options: VqganTrainerOptions = {}) {
    const { deadAfter = 100 } = options;
    this.vqgan = vqgan;
    this.parameters = parameters;
    this.device = vqgan.codebook.device;
    this.options = options;
    this.deadCodes = deadAfter > 0 ? new DeadCodes(vqgan.codebook, deadAfter) : undefined;
    this.state = this.deadCodes ? [['idle', this.deadCodes.idle]] : [];
  }

  /**
   * Throws `ERR_INPUT` when pictures differ in size.
   *
   * @param examples  pictures of one size, its sides multiples of the VQGAN's downsampling
   */
  prepare(examples: readonly VqganExample[], draws: Draws): PreparedBatch<Tensor> {
    const { mirror = true } = this.options;
    const [first] = examples as [VqganExample];
    requireAlike(examples, this.vqgan.downsampling);
    const shape = [examples.length, first.height, first.width, 3];
    const pixels = new Float32Array(shape.reduce((a, b) => a * b));
    examples.forEach((picture, i) => {
      const values = vqganPixels(picture);
      const mirrored = mirror && draws.below(2, 'flip', i) === 1;
      pixels.set(mirrored ? inMirror(values, picture.width) : values, i * values.length);
    });
    return { batch: this.device.from(pixels, shape), weight: examples.length };
  }

  loss(pixels: Tensor): StepLoss {
    return this.lossOf(pixels, this.deadCodes);
  }

  heldOutLoss(pixels: Tensor): StepLoss {
    return this.lossOf(pixels, undefined);
  }

  private lossOf(pixels: Tensor, deadCodes: DeadCodes | undefined): StepLoss {
    const { checkpointed = false, weights = {} } = this.options;
    const { absolute = 1, squared = 1, edges = 0, chroma = 0, texture = 0 } = weights;
    const { covariance = 0, codebook = 1, commitment = 0.25 } = weights;
    const latents = this.vqgan.latents(pixels, { checkpointed });
    const { values, codes, codebookLoss, commitmentLoss } = this.vqgan.quantise(latents);
    deadCodes?.see(keep(codes), keep(latents));
    const seen = this.vqgan.reconstruct(values, { checkpointed });
    const off = subtract(seen, pixels);
    const terms = {
      squared: [squared, mean(multiply(off, off))],
      absolute: [absolute, mean(magnitude(off))],
      ...(edges > 0 && { edges: [edges, edgeLoss(off)] as const }),
      ...(chroma > 0 && { chroma: [chroma, chromaLoss(off)] as const }),
      ...(texture > 0 && { texture: [texture, textureLoss(seen, pixels)] as const }),
      ...(covariance > 0 && { covariance: [covariance, covarianceLoss(latents)] as const }),
      codebook: [codebook, codebookLoss],
      commitment: [commitment, commitmentLoss],
    } as const;
    const [first, ...others] = Object.values(terms).map(([weight, term]) => scale(term, weight));
    const metrics = Object.entries(terms).map(([name, [, term]]) => [name, term] as const);
    return {
      loss: others.reduce((sum, term) => add(sum, term), first!),
      metrics: Object.fromEntries(metrics),
    };
  }

  async afterStep(draws: Draws): Promise<Readonly<Record<string, number>>> {
    return (await this.deadCodes?.revive(draws)) ?? {};
  }

  /** Frees what the trainer keeps; the network stays. */
  dispose(): void {
    this.deadCodes?.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

function requireAlike(pictures: readonly VqganExample[], downsampling: number): void {
  const [first] = pictures as [VqganExample];
  const size = ({ width, height }: Picture) => `${width} x ${height} pixels`;
  pictures.forEach((picture, i) => {
    const { width, height, name = `picture ${i}` } = picture;
    const isWhole = width % downsampling === 0 && height % downsampling === 0;
    const isLike = width === first.width && height === first.height;
    if (isWhole && isLike) return;
    const expected = isWhole
      ? `${size(first)} like ${first.name ?? 'the first'} of its batch`
      : `multiples of ${downsampling} pixels a side`;
    throw new StylearError(
      'ERR_INPUT',
      `${name}: expected the picture to be ${expected}, got ${size(picture)}`,
    );
  });
}

/** The mean magnitude of the steps to the next pixel, to the right and down. */
function edgeLoss(off: Tensor): Tensor {
  const steps = (axis: number) =>
    subtract(slice(off, 1, undefined, axis), slice(off, 0, off.shape[axis]! - 1, axis));
  return scale(add(mean(magnitude(steps(1))), mean(magnitude(steps(2)))), 0.5);
}

/** Unit vectors across the grey axis of RGB: red to green, and blue to both. */
const opponents = [
  [Math.SQRT1_2, -Math.SQRT1_2, 0],
  [-Math.sqrt(1 / 6), -Math.sqrt(1 / 6), Math.sqrt(2 / 3)],
];

/** The mean square of what two opponent axes see of `[..., 3]`. */
function chromaLoss(off: Tensor): Tensor {
  const seen = linear(off, off.device.from(opponents.flat(), [2, 3]));
  return mean(multiply(seen, seen));
}

/** The mean square of the covariance of `[..., width]` less the identity (Bardes et al. 2022, eq. 3 ff.). */
function covarianceLoss(latents: Tensor): Tensor {
  const { device, shape } = latents;
  const width = shape.at(-1)!;
  const rows = shape.slice(0, -1).reduce((a, b) => a * b, 1);
  const flat = reshape(latents, [rows, width]);
  const middle = matmul(device.full([1, rows], 1 / rows), flat);
  const centred = subtract(flat, matmul(device.full([rows, 1], 1), middle));
  const covariance = matmul(centred, centred, { transposeA: true, alpha: 1 / rows });
  const identity = Float32Array.from({ length: width ** 2 }, (_, i) => (i % (width + 1) ? 0 : 1));
  const off = subtract(covariance, device.from(identity, [width, width]));
  return mean(multiply(off, off));
}

/** @param pixels  `[height, width, 3]` */
function inMirror(pixels: Float32Array, width: number): Float32Array {
  const mirrored = new Float32Array(pixels.length);
  for (let at = 0; at < pixels.length; at += 3) {
    const column = (at / 3) % width;
    mirrored.set(pixels.subarray(at, at + 3), at + 3 * (width - 1 - 2 * column));
  }
  return mirrored;
}
