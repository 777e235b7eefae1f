import { join } from 'node:path';
import { z } from 'zod';
import { clipPixels } from '../image/clip_pixels.ts';
import { readClipPreprocessing } from '../image/clip_preprocessing.ts';
import { decodePicture } from '../image/decode.ts';
import { readResamplerConfig } from '../models/config/resampler.ts';
import { openStyleEncoder } from '../models/open_style_encoder.ts';
import type { StyleEncoder } from '../models/style_encoder.ts';
import { withoutSubject } from '../models/style_tokens.ts';
import { concat } from '../ops/copy_slice.ts';
import { scope } from '../tensor/scope.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { compareTensor, type Verifier } from './check.ts';

const casesSchema = z.array(z.object({ name: z.string(), images: z.array(z.string()).min(1) }));

const expected = 'expected.safetensors';

/** Pictures to what the resampler is given, and to what the transformer is. */
export const verifyStyleTokens: Verifier = async function* (fixture, { device }) {
  const clip = join(fixture.beside('clip'), 'ckpt');
  const trained = join(fixture.beside('e2e'), 'stylear');
  const preprocessing = readClipPreprocessing(join(clip, 'preprocessor_config.json'));
  using opened = openStyleEncoder(
    {
      clip,
      resampler: join(trained, 'image_proj.pth'),
      resamplerConfig: readResamplerConfig(join(trained, 'resampler_config.json')),
    },
    device,
  );
  for (const { name, images } of casesSchema.parse(fixture.json('cases.json'))) {
    const pictures = await Promise.all(
      images.map((image) => decodePicture(fixture.path('images', `${image}.png`))),
    );
    const pixels = clipPixels(pictures, preprocessing);
    const { height, width } = preprocessing.crop;
    const { features, style } = scope(() =>
      run(opened.encoder, device.from(pixels, [pictures.length, height, width, 3])),
    );
    yield await compareTensor(fixture, expected, `${name}.features`, features);
    yield await compareTensor(fixture, expected, `${name}.embeds`, style);
    features.dispose();
    style.dispose();
  }
};

/** The reference takes the second of two pictures for the subject of the first. */
function run(encoder: StyleEncoder, pixels: Tensor): { features: Tensor; style: Tensor } {
  if (pixels.shape[0] !== 2) {
    return { features: encoder.features(pixels), style: encoder.encode(pixels) };
  }
  const [whole, subject] = [pixels.slice(0, 1), pixels.slice(1, 2)];
  const features = encoder.features(whole);
  const faded = withoutSubject(features, encoder.features(subject));
  return { features: concat([features, faded]), style: encoder.encode(whole, { subject }) };
}
