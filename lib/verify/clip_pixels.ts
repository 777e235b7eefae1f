import { existsSync } from 'node:fs';
import { z } from 'zod';
import { clipCrop, clipPixels } from '../image/clip_pixels.ts';
import { readClipPreprocessing } from '../image/clip_preprocessing.ts';
import { decodePicture } from '../image/decode.ts';
import type { Picture } from '../image/picture.ts';
import { type Check, compareNumbers } from './check.ts';
import type { Fixture } from './fixture.ts';

const casesSchema = z.object({ images: z.array(z.string()) });

/** The pictures of a clip fixture as its towers take them: no bit may differ. */
export async function* checkClipPixels(fixture: Fixture): AsyncGenerator<Check> {
  const { images } = casesSchema.parse(fixture.json('cases.json'));
  const pictures = await Promise.all(images.map((name) => pictureOf(fixture, name)));
  const preprocessing = readClipPreprocessing(fixture.path('ckpt', 'preprocessor_config.json'));
  const { width, height } = preprocessing.crop;
  const values = clipPixels(pictures, preprocessing, { layout: 'NCHW' });
  const got = { shape: [pictures.length, 3, height, width], values };
  const file = 'vision_expected.safetensors';
  yield compareNumbers(`${file}:pixel_values`, got, fixture.tensor(file, 'pixel_values'), 0);
  const config = fixture.path('preprocessor_config_224.json');
  if (existsSync(config)) yield* checkRealSize(fixture, config);
}

/** Rows of the pixels that the fixture keeps. */
const [firstRow, endRow] = [100, 104];

async function* checkRealSize(fixture: Fixture, config: string): AsyncGenerator<Check> {
  const preprocessing = readClipPreprocessing(config);
  const { width, height } = preprocessing.crop;
  const file = 'preprocess_224.safetensors';
  const rows = `pixel_values_rows_${firstRow}_${endRow}`;
  for (const [name, want] of fixture.tensors(file)) {
    const [image, what] = name.split('.');
    const picture = await pictureOf(fixture, image!);
    if (what === 'uint8') {
      const levels = planes(clipCrop(picture, preprocessing));
      const got = { shape: [3, height, width], values: levels };
      yield compareNumbers(`${file}:${name}`, got, want, 0);
    } else if (what === rows) {
      const pixels = clipPixels([picture], preprocessing, { layout: 'NCHW' });
      const kept = [0, 1, 2].flatMap((channel) => {
        const row = (y: number) => (channel * height + y) * width;
        return [...pixels.subarray(row(firstRow), row(endRow))];
      });
      const shape = [3, endRow - firstRow, width];
      yield compareNumbers(`${file}:${name}`, { shape, values: Float32Array.from(kept) }, want, 0);
    }
  }
}

const pictureOf = (fixture: Fixture, name: string): Promise<Picture> =>
  decodePicture(fixture.path('images', `${name}.png`));

/** `[height, width, 3]` as `[3, height, width]`. */
function planes({ width, height, pixels }: Picture): Int32Array {
  const area = width * height;
  return Int32Array.from(
    { length: 3 * area },
    (_, i) => pixels[(i % area) * 3 + Math.trunc(i / area)]!,
  );
}
