import { subjects } from '../curate/world/subjects/subjects.ts';
import { StylearError } from '../error.ts';
import { toRgb } from '../image/convert.ts';
import type { Picture } from '../image/picture.ts';
import { resize } from '../image/resize.ts';
import { Conv2d } from '../nn/conv2d.ts';
import { Linear } from '../nn/linear.ts';
import { GroupNorm } from '../nn/norms.ts';
import { add } from '../ops/add.ts';
import { reshape } from '../ops/reshape.ts';
import type { Device } from '../tensor/device.ts';
import { scope } from '../tensor/scope.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { Weights } from '../weights/weights.ts';

/** Pixels a side of what the network sees; any picture is resized to it. */
export const classifierSide = 48;

/** Channels of each stage; every stage but the first has half the side of the one before. */
const stages = [32, 64, 128] as const;
const groups = 8;

/** Side of the last stage's maps: the stem halves too. */
const lastSide = classifierSide / 2 ** stages.length;

/** Where in the picture something is counts: maps of so many channels are read place by place. */
const narrowChannels = 32;

/**
 * Names the subject of a picture of the picture world: a small residual network of convolutions (He
 * et al. 2016, with group norms), a class for each of `subjects`. It judges what a generator makes
 * and shares nothing with it.
 */
export class SubjectClassifier {
  readonly device: Device;
  private readonly stem: Conv2d;
  private readonly stages: readonly Stage[];
  private readonly norm: GroupNorm;
  private readonly narrow: Conv2d;
  private readonly head: Linear;

  /** @param w  the root: has `stem`, `stages`, `norm`, `narrow` and `head`, f32 */
  constructor(w: Weights) {
    const last = stages[stages.length - 1]!;
    this.device = w.device;
    this.stem = new Conv2d(w.at('stem'), 3, stages[0], 5, { stride: 2, padding: 2 });
    this.stages = stages.map(
      (channels, i) => new Stage(w.at('stages').at(i), stages[i - 1] ?? channels, channels),
    );
    this.norm = new GroupNorm(w.at('norm'), last, groups);
    this.narrow = new Conv2d(w.at('narrow'), last, narrowChannels, 1);
    this.head = new Linear(w.at('head'), lastSide ** 2 * narrowChannels, subjects.length);
  }

  /**
   * @param pixels  `[images, classifierSide, classifierSide, 3]`, f32, as `classifierInput` returns them
   * @returns       `[images, subjects]`, f32
   */
  logits(pixels: Tensor): Tensor {
    return scope(() => {
      const last = this.stages.reduce((x, stage) => stage.forward(x), this.stem.forward(pixels));
      const narrow = this.narrow.forward(this.norm.forward(last, true));
      return this.head.forward(reshape(narrow, [pixels.shape[0]!, this.head.inputs]));
    });
  }

  /** The names of what pictures show, each the likeliest. */
  async classify(pictures: readonly Picture[], batch = 64): Promise<string[]> {
    return (await this.score(pictures, batch)).map(likeliest);
  }

  /** Of each picture the logits of `subjects`, in their order. */
  async score(pictures: readonly Picture[], batch = 64): Promise<Float32Array[]> {
    const scores: Float32Array[] = [];
    for (let at = 0; at < pictures.length; at += batch) {
      const part = pictures.slice(at, at + batch);
      const logits = scope(() =>
        this.logits(classifierInput(this.device, part.map(classifierPixels))),
      );
      const values = (await logits.read()) as Float32Array;
      logits.dispose();
      for (let i = 0; i < part.length; i++)
        scores.push(values.subarray(i * subjects.length, (i + 1) * subjects.length));
    }
    return scores;
  }
}

/** The name of the subject with the highest logit. */
export const likeliest = (scores: Float32Array): string =>
  subjects[scores.indexOf(Math.max(...scores))]!.name;

/** A first block that may change width and side, and a second that keeps both. */
class Stage {
  private readonly down: Conv2d | undefined;
  private readonly blocks: readonly Block[];

  constructor(w: Weights, inputs: number, channels: number) {
    this.down =
      inputs === channels
        ? undefined
        : new Conv2d(w.at('down'), inputs, channels, 3, { stride: 2, padding: 1 });
    this.blocks = [new Block(w.at('blocks').at(0), channels)];
  }

  forward(x: Tensor): Tensor {
    return this.blocks.reduce((h, block) => block.forward(h), this.down?.forward(x) ?? x);
  }
}

/** `x + conv(silu(norm(conv(silu(norm(x))))))`; the last convolution begins at 0. */
class Block {
  private readonly norms: readonly [GroupNorm, GroupNorm];
  private readonly convolutions: readonly [Conv2d, Conv2d];

  constructor(w: Weights, channels: number) {
    const norm = (name: string) => new GroupNorm(w.at(name), channels, groups);
    this.norms = [norm('norm1'), norm('norm2')];
    this.convolutions = [
      new Conv2d(w.at('conv1'), channels, channels, 3, { padding: 1 }),
      new Conv2d(w.at('conv2'), channels, channels, 3, { padding: 1, init: { constant: 0 } }),
    ];
  }

  forward(x: Tensor): Tensor {
    const inner = this.convolutions[0].forward(this.norms[0].forward(x, true));
    return add(x, this.convolutions[1].forward(this.norms[1].forward(inner, true)));
  }
}

/** `[classifierSide, classifierSide, 3]`: a picture's levels at the size that the network sees. */
export function classifierPixels(picture: Picture): Uint8Array {
  return resize(toRgb(picture), classifierSide, classifierSide, { filter: 'box' }).pixels;
}

/**
 * Pictures as the network takes them: each channel with a mean of 0 and a variance of 1 over the
 * picture, since colours belong to the style.
 *
 * @param levels  as `classifierPixels` returns them
 * @returns       `[images, classifierSide, classifierSide, 3]`, f32
 */
export function classifierInput(device: Device, levels: readonly Uint8Array[]): Tensor {
  const area = classifierSide * classifierSide;
  const values = new Float32Array(levels.length * area * 3);
  levels.forEach((picture, image) => {
    for (let channel = 0; channel < 3; channel++) {
      let [sum, squares] = [0, 0];
      for (let at = channel; at < picture.length; at += 3) {
        sum += picture[at]!;
        squares += picture[at]! ** 2;
      }
      const mean = sum / area;
      // A channel without any variation stays 0.
      const deviation = Math.sqrt(Math.max(squares / area - mean * mean, 1));
      for (let at = channel; at < picture.length; at += 3)
        values[image * area * 3 + at] = (picture[at]! - mean) / deviation;
    }
  });
  return device.from(values, [levels.length, classifierSide, classifierSide, 3]);
}

/** A classifier and where its weights are from; disposing of it frees these. */
export interface OpenedClassifier extends Disposable {
  readonly classifier: SubjectClassifier;
}

/**
 * The classifier of a file that `trainClassifier` wrote.
 *
 * Throws `ERR_WEIGHTS` when it is not one, also when it was trained for other subjects.
 */
export function openClassifier(file: string, device: Device): OpenedClassifier {
  const weights = Weights.open(file, device, { dtype: 'f32' });
  try {
    const classes = weights.at('head').shapeOf('bias')?.[0];
    if (classes !== undefined && classes !== subjects.length) {
      throw new StylearError(
        'ERR_WEIGHTS',
        `${file}: expected the classifier to be of ${subjects.length} subjects, got ${classes}. ` +
          'Train it anew.',
      );
    }
    const classifier = new SubjectClassifier(weights);
    weights.requireAllRead();
    return { classifier, [Symbol.dispose]: () => weights.dispose() };
  } catch (error) {
    weights.dispose();
    throw error;
  }
}
