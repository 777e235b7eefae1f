import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import {
  type Device,
  gradients,
  multiply,
  scope,
  slice,
  sum,
  type Tensor,
  Weights,
} from '../../lib/index.ts';
import { ClipVision } from '../../lib/models/clip_vision.ts';
import type { ClipVisionConfig } from '../../lib/models/config/clip.ts';
import type { ResamplerConfig } from '../../lib/models/config/resampler.ts';
import { openStyleEncoder } from '../../lib/models/open_style_encoder.ts';
import { Resampler } from '../../lib/models/resampler.ts';
import { StyleEncoder } from '../../lib/models/style_encoder.ts';
import { addStyleNoise, blendStyle, withoutSubject } from '../../lib/models/style_tokens.ts';
import { randomise } from '../support/model_case.ts';
import { input, ofSum } from '../support/numbers.ts';
import { onEveryDevice } from '../support/on_every_device.ts';
import { expectClose, expectRefusal, expectSameBits, take, upload } from '../support/op_case.ts';

const vision: ClipVisionConfig = {
  width: 8,
  layers: 2,
  heads: 2,
  inner: 12,
  activation: 'gelu',
  normEps: 1e-5,
  projection: 5,
  patch: 3,
  imageSize: 6,
};
const resamplerConfig: ResamplerConfig = {
  dim: 8,
  depth: 1,
  headDim: 3,
  heads: 2,
  queries: 3,
  inputDim: 8,
  outputDim: 7,
  ffMult: 2,
  maxSequence: 5,
  positionEmbedding: false,
  meanPooledLatents: 0,
};
const style = input([2, 6, 6, 3], 5);
const subject = input([2, 6, 6, 3], 6);

const folder = mkdtempSync(join(tmpdir(), 'stylear-style-'));
afterAll(() => rmSync(folder, { recursive: true }));

function made(device: Device) {
  const clip = Weights.fresh(device);
  const image = Weights.fresh(device);
  const encoder = new StyleEncoder(
    new ClipVision(clip.at('vision_model'), vision),
    new Resampler(image, resamplerConfig),
  );
  randomise(clip.entries(), 3);
  randomise(image.entries(), 4);
  return {
    encoder,
    clip,
    image,
    [Symbol.dispose]: () => {
      clip.dispose();
      image.dispose();
    },
  };
}

onEveryDevice('StyleEncoder', (device) => {
  /** By hand, each picture and each part by itself. */
  function oneByOne({ vision, resampler }: StyleEncoder, withSubject: boolean): Tensor[] {
    return [0, 1].map((i) => {
      const features = (of: typeof style) => vision.penultimate(upload(device, of).slice(i, i + 1));
      const whole = features(style);
      if (!withSubject) return resampler.forward(whole);
      const faded = withoutSubject(whole, features(subject), 0.5);
      return blendStyle(resampler.forward(whole), resampler.forward(faded), 0.25);
    });
  }
  const options = () => ({
    subject: upload(device, subject),
    subtraction: 0.5,
    residualRatio: 0.25,
  });

  test.each([false, true])('resamples the penultimate states, with a subject: %s', async (has) => {
    using model = made(device);
    const { encoder } = model;
    const got = await take(
      scope(() => encoder.encode(upload(device, style), has ? options() : {})),
    );
    const expected = await Promise.all(scope(() => oneByOne(encoder, has)).map(take));
    expectSameBits([got.subarray(0, 21), got.subarray(21)], expected);
  });

  test('fades the subject by 0.8 and keeps 0.2 of the whole unless told', async () => {
    using model = made(device);
    const { encoder } = model;
    const run = (more: object) =>
      take(
        scope(() =>
          encoder.encode(upload(device, style), { subject: upload(device, subject), ...more }),
        ),
      );
    expectSameBits([await run({})], [await run({ subtraction: 0.8, residualRatio: 0.2 })]);
  });

  test('adds noise to the style tokens', async () => {
    using model = made(device);
    const { encoder } = model;
    const seeds = () => device.from(Int32Array.of(1, 0, 2, 0), [2, 2]);
    const noisy = scope(() =>
      encoder.encode(upload(device, style), { noise: { seeds: seeds(), strength: 0.3 } }),
    );
    const added = scope(() => addStyleNoise(encoder.encode(upload(device, style)), seeds(), 0.3));
    expectSameBits([await take(noisy)], [await take(added)]);
  });

  test('passes gradients to every tensor of the resampler, through both of its runs', async () => {
    using model = made(device);
    const { encoder, image } = model;
    const wrt = image.entries().map(([, tensor]) => tensor);
    const toward = input([1, 3, 7], 9);
    const taken = (run: () => Tensor) =>
      Promise.all(
        scope(() => {
          const g = upload(device, toward);
          return gradients(() => sum(multiply(run(), g)), wrt);
        }).map(take),
      );
    const got = await taken(() => slice(encoder.encode(upload(device, style), options()), 1));
    const expected = await taken(() => oneByOne(encoder, true)[1]!);
    // The sums over rows have twice as many terms, half of them zeros.
    for (const [i, gradient] of got.entries()) expectClose(gradient, expected[i]!, 4 * ofSum(16));
  });

  test('is opened from a folder of CLIP and a file', async () => {
    using model = made(device);
    const files = await save(model);
    using opened = openStyleEncoder({ ...files, resamplerConfig, writable: true }, device);
    expect(opened.resamplerWeights.names()).toEqual(model.image.names());
    const run = (encoder: StyleEncoder) => take(scope(() => encoder.encode(upload(device, style))));
    // Kernels of GPUs sum in another order where rows of a file are not aligned.
    expectClose(await run(opened.encoder), await run(model.encoder), 4 * ofSum(16));
    for (const [, tensor] of opened.resamplerWeights.entries()) tensor.write(await tensor.read());
  });

  test('leaves nothing open where a file is not what its config says', async () => {
    using model = made(device);
    const files = await save(model);
    const before = device.memory().storages;
    const wider = { ...resamplerConfig, outputDim: 9 };
    expectRefusal(
      () => openStyleEncoder({ ...files, resamplerConfig: wider }, device),
      'ERR_WEIGHTS',
      `${files.resampler}: expected tensor proj_out.weight to be [9, 8], got [7, 8]`,
    );
    expect(device.memory().storages).toBe(before);
  });

  test('says what to take where the names of CLIP are those of open_clip', async () => {
    using model = made(device);
    const files = await save(model);
    const clip = join(folder, `${device.name}-open-clip`);
    mkdirSync(clip);
    copyFileSync(join(files.clip, 'config.json'), join(clip, 'config.json'));
    using other = Weights.fresh(device);
    other.tensor('visual.conv1.weight', [1]);
    await other.save(join(clip, 'model.safetensors'));
    expect(() => openStyleEncoder({ ...files, clip, resamplerConfig }, device)).toThrow(
      `${clip}: expected the tensors to be those that transformers has`,
    );
  });

  /** In the form in which they are released. */
  async function save({ clip, image }: ReturnType<typeof made>) {
    const files = {
      clip: join(folder, device.name),
      resampler: join(folder, `${device.name}.safetensors`),
    };
    mkdirSync(files.clip, { recursive: true });
    await clip.save(join(files.clip, 'model.safetensors'));
    await image.save(files.resampler);
    const config = {
      model_type: 'clip_vision_model',
      hidden_size: vision.width,
      num_hidden_layers: vision.layers,
      num_attention_heads: vision.heads,
      intermediate_size: vision.inner,
      hidden_act: vision.activation,
      projection_dim: vision.projection,
      patch_size: vision.patch,
      image_size: vision.imageSize,
    };
    writeFileSync(join(files.clip, 'config.json'), JSON.stringify(config));
    return files;
  }

  test('refuses towers and resamplers that do not fit', () => {
    using w = Weights.fresh(device);
    const tower = new ClipVision(w.at('clip'), vision);
    const resampler = new Resampler(w.at('image'), { ...resamplerConfig, inputDim: 9 });
    expectRefusal(
      () => new StyleEncoder(tower, resampler),
      'ERR_WEIGHTS',
      'StyleEncoder: expected CLIP to be 9 wide, as the resampler reads, got 8',
    );
  });
});
