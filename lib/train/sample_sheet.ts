import type { Picture } from '../image/picture.ts';
import { pictureOfVqganPixels } from '../image/vqgan_pixels.ts';
import type { Chameleon } from '../models/chameleon.ts';
import type { Vqgan } from '../models/vqgan.ts';
import { scope } from '../tensor/scope.ts';
import { codeOf, type Vocabulary } from '../text/vocabulary.ts';
import { type DrawSamplesOptions, drawSamples } from './draw_samples.ts';
import { pairedGrid } from './paired_grid.ts';
import type { LabelledSequence } from './token_batch.ts';

/**
 * The pictures of sequences, and below each what the model draws in its place.
 *
 * @param sequences  at least one, each with a picture in its answer
 */
export async function sampleSheet(
  model: Chameleon,
  vqgan: Vqgan,
  vocabulary: Vocabulary,
  sequences: readonly LabelledSequence[],
  options: Omit<DrawSamplesOptions, 'codes'>,
): Promise<Picture> {
  const drawn = await drawSamples(model, sequences, { ...options, codes: vocabulary.codes });
  const pictures = async (all: readonly (readonly number[])[]) => {
    const decoded: Picture[] = [];
    for (const ids of all) decoded.push(await pictureOf(vqgan, vocabulary, ids));
    return decoded;
  };
  return pairedGrid(await pictures(sequences.map(({ ids }) => ids)), await pictures(drawn));
}

/** The picture of the last codes of ids, in as many rows as new lines end. */
async function pictureOf(
  vqgan: Vqgan,
  vocabulary: Vocabulary,
  ids: readonly number[],
): Promise<Picture> {
  const image = ids.slice(ids.lastIndexOf(vocabulary.imageStart) + 3);
  const codes = image.flatMap((id) => codeOf(vocabulary, id) ?? []);
  const columns = image.indexOf(vocabulary.newLine);
  const { device } = vqgan.codebook;
  const pixels = scope(() =>
    vqgan.decode(device.from(Int32Array.from(codes), [1, codes.length / columns, columns])),
  );
  const [, height, width] = pixels.shape as [number, number, number];
  const values = (await pixels.read()) as Float32Array;
  pixels.dispose();
  return pictureOfVqganPixels(values, width, height);
}
