import { StylearError } from '../error.ts';
import { decodePicture } from '../image/decode.ts';
import type { Picture } from '../image/picture.ts';
import type { Sample } from '../shards/shards.ts';
import { decodeSample, encodeSample, type TrainingSample } from '../shards/training_sample.ts';
import type { PictureTokenizer } from './picture_tokenizer.ts';

/**
 * The samples with the tokens of their pictures, in the same order. What else they hold stays.
 *
 * Throws `ERR_INPUT` for a sample without a picture.
 *
 * @param batchSize  pictures that are encoded at once, as far as they follow one another in one size
 */
export async function* withTokens(
  samples: Iterable<Sample> | AsyncIterable<Sample>,
  tokenizer: PictureTokenizer,
  batchSize: number,
): AsyncGenerator<Sample> {
  let batch: Item[] = [];
  for await (const sample of samples) {
    const picture = await pictureOf(decodeSample(sample));
    const [first] = batch;
    if (first && (batch.length === batchSize || !isLike(first.picture, picture))) {
      yield* await encoded(batch, tokenizer);
      batch = [];
    }
    batch.push({ sample, picture });
  }
  if (batch.length > 0) yield* await encoded(batch, tokenizer);
}

interface Item {
  readonly sample: Sample;
  readonly picture: Picture;
}

async function encoded(batch: readonly Item[], tokenizer: PictureTokenizer): Promise<Sample[]> {
  const tokens = await tokenizer.encode(batch.map(({ picture }) => picture));
  return batch.map(({ sample: { key, files } }, i) => {
    const { files: added } = encodeSample({ key, caption: '', tokens: tokens[i]! });
    return { key, files: new Map([...files, ['ids', added.get('ids')!]]) };
  });
}

const isLike = (a: Picture, b: Picture): boolean => a.width === b.width && a.height === b.height;

/** Throws `ERR_INPUT` when it has none. */
export function pictureOf({ key, picture }: TrainingSample): Promise<Picture> {
  if (picture) return decodePicture(picture.bytes, { name: key });
  throw new StylearError(
    'ERR_INPUT',
    `${key}: expected it to be a sample with a picture, got none`,
  );
}
