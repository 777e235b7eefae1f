// Pictures of the picture world as samples of training.
import { StylearError } from '../../error.ts';
import { encodePicture } from '../../image/encode.ts';
import type { TrainingSample } from '../../shards/training_sample.ts';
import { captionOf, drawContent } from './content.ts';
import { drawStyleOf, trainingSeed } from './held_out.ts';
import { randomOf } from './random.ts';
import { drawRaw } from './raw.ts';
import { render } from './render.ts';
import { styleWords } from './style_words.ts';
import { drawStylised } from './stylised.ts';

/** What a set of samples holds. */
export const sampleKinds = {
  raw: 'natural colours and plain shading in varied scenes',
  stylised: 'any style that training may show; every other caption names it',
} as const;
/** One of `sampleKinds`. */
export type SampleKind = keyof typeof sampleKinds;

/** Which samples of the world are drawn. */
export interface WorldSamplesOptions {
  /** At least 1. */
  readonly count: number;
  /** Pictures before the first one, 0 or more: sets that do not overlap have no picture in common. */
  readonly first?: number | undefined;
  /** Pixels a side. */
  readonly size: number;
  /** Pictures that are drawn at once, at least 1; 16 unless told. */
  readonly ahead?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Captioned pictures for training, none of which evaluation asks for. The same options give the same
 * samples, whatever `ahead` is.
 *
 * @throws `ERR_VALUE` when an option is out of its range
 */
export async function* worldSamples(
  kind: SampleKind,
  { count, first = 0, size, ahead = 16, signal }: WorldSamplesOptions,
): AsyncGenerator<TrainingSample, void, undefined> {
  requireWhole('count', count, 1);
  requireWhole('first', first, 0);
  requireWhole('ahead', ahead, 1);
  const drawn: Promise<TrainingSample>[] = [];
  for (let made = 0; made < count; made++) {
    signal?.throwIfAborted();
    while (drawn.length < Math.min(ahead, count - made)) {
      const sample = draw[kind](first + made + drawn.length, size);
      // Whoever awaits it is told; one that is left is not awaited.
      sample.catch(() => {});
      drawn.push(sample);
    }
    yield await drawn.shift()!;
  }
}

const draw: Readonly<Record<SampleKind, (index: number, size: number) => Promise<TrainingSample>>> =
  {
    raw: async (index, size) => {
      const seed = trainingSeed(index);
      const { drawing, content, caption, colour, scene } = drawRaw(seed);
      const bytes = await encodePicture(await render(drawing, size));
      const style = { content, colour, scene, seed };
      return { key: `raw-${index}`, caption, picture: { format: 'png', bytes }, style };
    },
    stylised: async (index, size) => {
      const seed = trainingSeed(index);
      const content = drawContent(seed);
      const style = drawStyleOf('training', seed, content.subject);
      const picture = await render(drawStylised(style, content, seed), size);
      const bytes = await encodePicture(picture);
      const named = randomOf(seed, 'named style').chance(0.5);
      const caption = captionOf(content, seed) + (named ? ` ${styleWords(style, seed)}` : '');
      return {
        key: `stylised-${index}`,
        caption,
        picture: { format: 'png', bytes },
        style: { ...style, content, seed },
      };
    },
  };

function requireWhole(name: string, value: number, least: number): void {
  if (Number.isSafeInteger(value) && value >= least && value <= 2 ** 40) return;
  throw new StylearError(
    'ERR_VALUE',
    `worldSamples: expected ${name} to be a whole number in [${least}, 2^40], got ${value}`,
  );
}
