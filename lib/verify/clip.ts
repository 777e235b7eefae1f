import { z } from 'zod';
import type { Clip } from '../models/clip.ts';
import { clipTexts } from '../models/clip_texts.ts';
import { openClip } from '../models/open_clip.ts';
import { permute } from '../ops/permute.ts';
import type { Device } from '../tensor/device.ts';
import { scope } from '../tensor/scope.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { type Check, compareExactly, compareTensor, type Verifier } from './check.ts';
import { checkClipPixels } from './clip_pixels.ts';
import type { Fixture } from './fixture.ts';

/** Both towers of CLIP: pixels, every layer, what is read before the last one, the embeddings. */
export const verifyClip: Verifier = async function* (fixture, { device }) {
  yield* checkClipPixels(fixture);
  using opened = openClip(fixture.path('ckpt'), device);
  yield* verifyVision(fixture, device, opened.clip);
  yield* verifyText(fixture, device, opened.clip);
};

async function* verifyVision(fixture: Fixture, device: Device, clip: Clip): AsyncGenerator<Check> {
  const file = 'vision_expected.safetensors';
  const { shape, values } = fixture.tensor(file, 'pixel_values');
  const got = scope(() => {
    const pixels = permute(device.from(values, shape), [0, 2, 3, 1]);
    return {
      ...numbered(clip.vision.states(pixels)),
      penultimate: clip.vision.penultimate(pixels),
      last_hidden_state: clip.vision.forward(pixels),
      image_embeds: clip.embedImages(pixels),
    };
  });
  yield* compareAll(fixture, file, got);
}

async function* verifyText(fixture: Fixture, device: Device, clip: Clip): AsyncGenerator<Check> {
  const file = 'text_expected.safetensors';
  const batch = clipTexts(rowsOf(fixture, file, 'input_ids'), clip.text.config);
  const places = batch.ends.map((end) => end % batch.tokens);
  yield compareExactly('text_end_positions', places, endPositions(fixture));

  const counted = rowsOf(fixture, file, 'attention_mask').map((row) => row.reduce((a, b) => a + b));
  const got = scope(() => {
    const ids = device.from(batch.ids, [batch.texts, batch.tokens]);
    const ends = device.from(batch.ends);
    const lengths = device.from(Int32Array.from(counted));
    const states = clip.text.states(ids, { lengths });
    return {
      ...numbered(states),
      last_hidden_state: clip.text.norm(states.at(-1)!),
      text_embeds: clip.embedTexts(ids, ends, { lengths }),
      text_embeds_no_mask: clip.embedTexts(ids, ends),
    };
  });
  yield* compareAll(fixture, file, got);
}

const casesSchema = z.object({ text_end_positions: z.array(z.number().int()) });

const endPositions = (fixture: Fixture): readonly number[] =>
  casesSchema.parse(fixture.json('cases.json')).text_end_positions;

/** By the names of the fixtures: the input of the first layer is number 0. */
const numbered = (states: readonly Tensor[]): Record<string, Tensor> =>
  Object.fromEntries(states.map((state, i) => [`hidden_states.${i}`, state]));

async function* compareAll(
  fixture: Fixture,
  file: string,
  got: Readonly<Record<string, Tensor>>,
): AsyncGenerator<Check> {
  for (const [name, tensor] of Object.entries(got)) {
    yield await compareTensor(fixture, file, name, tensor);
    tensor.dispose();
  }
}

function rowsOf(fixture: Fixture, file: string, name: string): number[][] {
  const { shape, values } = fixture.tensor(file, name);
  const [rows = 0, width = 0] = shape;
  return Array.from({ length: rows }, (_, i) => [...values.subarray(i * width, (i + 1) * width)]);
}
