import { checkpoint } from '../autograd/checkpoint.ts';
import { currentTape } from '../autograd/tape.ts';
import { StylearError } from '../error.ts';
import { subtract } from '../ops/add.ts';
import { copyIn } from '../ops/copy_slice.ts';
import { multiply } from '../ops/multiply.ts';
import { codeValues, nearestCode, straightThrough } from '../ops/nearest_code.ts';
import { mean } from '../ops/sum_rows.ts';
import { scope } from '../tensor/scope.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Weights } from '../weights/weights.ts';
import type { VqganConfig } from './config/vqgan.ts';
import { vqganStage } from './vqgan_blocks.ts';
import {
  decoderLayout,
  downsampling,
  encoderLayout,
  type VqganStageLayout,
} from './vqgan_layout.ts';
import { planDecode, planEncode, type VqganLimits, type VqganPlan } from './vqgan_memory.ts';
import type { Stage, StageRun } from './vqgan_stage.ts';

/** How a gradient of a VQGAN trades time for memory. */
export interface VqganForwardOptions {
  /** Keep only the inputs of stages for the gradient, and compute each stage twice. */
  readonly checkpointed?: boolean | undefined;
}

/** Latents rounded to the codebook. */
export interface Quantised {
  /** Like the latents: rows of the codebook; the gradient passes to the latents unchanged. */
  readonly values: Tensor;
  /** `[images, height, width]`, i32 in [0, codes) */
  readonly codes: Tensor;
  /** `[1]`: the mean square of codes minus latents, which moves the codebook only. */
  readonly codebookLoss: Tensor;
  /** `[1]`: the same number, which moves the latents only. */
  readonly commitmentLoss: Tensor;
}

/**
 * The picture tokenizer of Chameleon: a VQGAN (Esser et al. 2021) as the released `vqgan.ckpt` has it.
 * Everything is in f32.
 */
export class Vqgan {
  readonly config: VqganConfig;
  /** Pixels along a side for each code. */
  readonly downsampling: number;
  /** `[codes, embedDim]` */
  readonly codebook: Tensor;
  /**
   * From pixels to latents; the last stage is the 1 x 1 convolution before the codebook.
   *
   * @internal
   */
  readonly encoder: readonly Stage[];
  /**
   * From values of codes to pixels; the first stage is the 1 x 1 convolution after the codebook.
   *
   * @internal
   */
  readonly decoder: readonly Stage[];

  /**
   * @param w  the root: has `encoder`, `decoder`, `quantize`, `quant_conv` and `post_quant_conv`, in
   *           f32; other tensors, such as those of training losses, are not looked at
   */
  constructor(w: Weights, config: VqganConfig) {
    if (config.doubleZ) {
      throw new StylearError(
        'ERR_WEIGHTS',
        'Vqgan: expected double_z to be false, got true, which an encoder of distributions has',
      );
    }
    const { codes, embedDim, normGroups } = config;
    const stages = (layout: readonly VqganStageLayout[]) =>
      layout.map((stage) => vqganStage(w, stage, normGroups));
    this.config = config;
    this.downsampling = downsampling(config);
    this.encoder = stages(encoderLayout(config));
    this.codebook = w
      .at('quantize.embedding')
      .tensor('weight', [codes, embedDim], { uniform: 1 / codes });
    this.decoder = stages(decoderLayout(config));
  }

  /**
   * The codes of pictures. No gradient may be running.
   *
   * @param pixels  `[images, height, width, inChannels]`, f32 in [-1, 1], sides that are multiples of
   *                `downsampling`
   * @returns       `[images, height / downsampling, width / downsampling]`, i32 in [0, codes)
   */
  encode(pixels: Tensor, limits: VqganLimits = {}): Tensor {
    refuseGradient('encode', 'latents and quantise');
    const size = this.sizeOf('encode', pixels);
    // The first stage, a convolution, leaves the pixels as they are.
    return inPasses(pixels, planEncode(this.config, size, limits), (part, runs) =>
      nearestCode(consumeAll(this.encoder, part, runs), this.codebook),
    );
  }

  /**
   * The pictures of codes. No gradient may be running.
   *
   * @param codes  `[images, height, width]`, i32 in [0, codes)
   * @returns      `[images, height * downsampling, width * downsampling, outChannels]`, f32, about
   *               [-1, 1] but not clamped to it
   */
  decode(codes: Tensor, limits: VqganLimits = {}): Tensor {
    refuseGradient('decode', 'reconstruct');
    if (codes.shape.length !== 3) {
      throw unexpected('decode', 'codes', '[images, height, width]', codes);
    }
    const [images, height, width] = codes.shape as [number, number, number];
    const factor = this.downsampling;
    const size = { images, height: height * factor, width: width * factor };
    return inPasses(codes, planDecode(this.config, size, limits), (part, runs) =>
      consumeAll(this.decoder, codeValues(part, this.codebook), runs),
    );
  }

  /**
   * What `encode` rounds to codes, differentiable.
   *
   * @param pixels  as `encode` takes them
   * @returns       `[images, height / downsampling, width / downsampling, embedDim]`, f32
   */
  latents(pixels: Tensor, options: VqganForwardOptions = {}): Tensor {
    this.sizeOf('latents', pixels);
    return forwardAll(this.encoder, pixels, options);
  }

  /**
   * What the last layer of the encoder, `quant_conv`, makes latents of.
   *
   * @param pixels  as `encode` takes them
   * @returns       `[images, height / downsampling, width / downsampling, zChannels]`, f32
   */
  features(pixels: Tensor): Tensor {
    this.sizeOf('features', pixels);
    return forwardAll(this.encoder.slice(0, -1), pixels, {});
  }

  /**
   * Latents rounded to the codebook, differentiable. The two losses are those of van den Oord et al.
   * 2017, eq. 3, unweighted.
   *
   * @param latents  `[images, height, width, embedDim]`, f32
   */
  quantise(latents: Tensor): Quantised {
    const { values, codes } = straightThrough(latents, this.codebook);
    // A view of a tensor passes no gradient to it.
    const fixed = (x: Tensor) => x.reshape(x.shape);
    const meanSquare = (x: Tensor, y: Tensor) => {
      const off = subtract(x, y);
      return mean(multiply(off, off));
    };
    return {
      values,
      codes,
      codebookLoss: meanSquare(codeValues(codes, this.codebook), fixed(latents)),
      commitmentLoss: meanSquare(latents, fixed(values)),
    };
  }

  /**
   * The pictures of values of codes, differentiable.
   *
   * @param values  `[images, height, width, embedDim]`, f32
   * @returns       as `decode` returns them
   */
  reconstruct(values: Tensor, options: VqganForwardOptions = {}): Tensor {
    return forwardAll(this.decoder, values, options);
  }

  private sizeOf(where: string, pixels: Tensor): { images: number; height: number; width: number } {
    const [images = 0, height = 0, width = 0, channels] = pixels.shape;
    const { inChannels } = this.config;
    const factor = this.downsampling;
    const fits =
      pixels.shape.length === 4 &&
      channels === inChannels &&
      height % factor === 0 &&
      width % factor === 0;
    if (fits) return { images, height, width };
    const expected = `[images, height, width, ${inChannels}] with sides that are multiples of ${factor}`;
    throw unexpected(where, 'pixels', expected, pixels);
  }
}

function forwardAll(
  stages: readonly Stage[],
  x: Tensor,
  { checkpointed = false }: VqganForwardOptions,
): Tensor {
  return stages.reduce(
    (h, stage) => (checkpointed ? checkpoint(() => stage.forward(h)) : stage.forward(h)),
    x,
  );
}

/** Every stage in turn; what each is given, `x` too, is freed when it has been used. */
function consumeAll(stages: readonly Stage[], x: Tensor, runs: readonly StageRun[]): Tensor {
  return stages.reduce((h, stage, i) => {
    const y = scope(() => stage.consume(h, runs[i]!));
    if (y !== h) h.dispose();
    return y;
  }, x);
}

/** `body` over a few images at a time, and its results together. */
function inPasses(
  x: Tensor,
  { images, runs }: VqganPlan,
  body: (part: Tensor, runs: readonly StageRun[]) => Tensor,
): Tensor {
  const [all] = x.shape as [number];
  const pass = (begin: number) =>
    scope(() => body(x.slice(begin, Math.min(begin + images, all)), runs));
  if (images >= all) return pass(0);
  return scope(() => {
    let y: Tensor | undefined;
    for (let begin = 0; begin < all; begin += images) {
      const part = pass(begin);
      y ??= x.device.tensor([all, ...part.shape.slice(1)], part.dtype);
      copyIn(y, part, begin);
      part.dispose();
    }
    return y!;
  });
}

function refuseGradient(method: string, instead: string): void {
  if (!currentTape()) return;
  throw new StylearError(
    'ERR_VALUE',
    `Vqgan.${method}: expected no gradient to be running, got one. Use ${instead} instead.`,
  );
}

const unexpected = (
  method: string,
  argument: string,
  expected: string,
  got: Tensor,
): StylearError =>
  new StylearError(
    'ERR_SHAPE',
    `Vqgan.${method}: expected ${argument} to be ${expected}, got [${got.shape.join(', ')}]`,
  );
