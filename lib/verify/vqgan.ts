import { z } from 'zod';
import { decodePicture } from '../image/decode.ts';
import { pictureOfVqganPixels, vqganPixels } from '../image/vqgan_pixels.ts';
import { openVqgan } from '../models/open_vqgan.ts';
import type { Vqgan } from '../models/vqgan.ts';
import { leastVqganMemory, type VqganLimits, type VqganMemory } from '../models/vqgan_memory.ts';
import { permute } from '../ops/permute.ts';
import type { Device } from '../tensor/device.ts';
import { scope } from '../tensor/scope.ts';
import type { Tensor } from '../tensor/tensor.ts';
import {
  type Check,
  compareExactly,
  comparePicture,
  compareTensor,
  type Verifier,
} from './check.ts';
import type { Fixture } from './fixture.ts';

const casesSchema = z.object({ images: z.array(z.object({ image: z.string() })) });

const expected = 'expected.safetensors';

/** Pictures to codes and codes to pictures: as they are, and in as little memory as can be. */
export const verifyVqgan: Verifier = async function* (fixture, { device }) {
  using opened = openVqgan(fixture.path('ckpt'), device);
  const { vqgan } = opened;
  for (const { image } of casesSchema.parse(fixture.json('cases.json')).images) {
    const picture = await decodePicture(fixture.path('images', `${image}.png`));
    const shape = [1, picture.height, picture.width, 3];
    using pixels = device.from(vqganPixels(picture), shape);
    yield* checkEncode(fixture, vqgan, image, pixels);
  }
  // Those of pictures, and some that no encoder made.
  for (const name of fixture.tensors(expected).keys())
    if (name.endsWith('.codes'))
      yield* checkDecode(fixture, vqgan, name.slice(0, -'.codes'.length), device);
};

async function* checkEncode(
  fixture: Fixture,
  vqgan: Vqgan,
  name: string,
  pixels: Tensor,
): AsyncGenerator<Check> {
  const { encoder, prequant } = scope(() => {
    const encoded = vqgan.encoder.slice(0, -1).reduce((h, stage) => stage.forward(h), pixels);
    return { encoder: planes(encoded), prequant: planes(vqgan.encoder.at(-1)!.forward(encoded)) };
  });
  for (const [what, got] of Object.entries({ encoder, prequant })) {
    yield await compareTensor(fixture, expected, `${name}.${what}`, got);
    got.dispose();
  }
  const want = fixture.tensor(expected, `${name}.codes`);
  const [, height, width] = pixels.shape as [number, number, number];
  for (const [how, { encode }] of ways(vqgan, height, width)) {
    using codes = vqgan.encode(pixels, encode);
    yield compareExactly(`${expected}:${name}.codes${how}`, await codes.read(), want.values);
  }
}

async function* checkDecode(
  fixture: Fixture,
  vqgan: Vqgan,
  name: string,
  device: Device,
): AsyncGenerator<Check> {
  const { values, shape } = fixture.tensor(expected, `${name}.codes`);
  using codes = device.from(values, [1, ...shape]);
  const [height, width] = shape.map((side) => side * vqgan.downsampling) as [number, number];
  for (const [how, { decode }] of ways(vqgan, height, width)) {
    using pixels = vqgan.decode(codes, decode);
    using inPlanes = planes(pixels);
    const check = await compareTensor(fixture, expected, `${name}.pixels`, inPlanes);
    yield { ...check, name: check.name + how };
    const picture = pictureOfVqganPixels((await pixels.read()) as Float32Array, width, height);
    const levels = fixture.tensor(expected, `${name}.uint8`).values;
    yield comparePicture(`${expected}:${name}.uint8${how}`, picture.pixels, levels);
  }
}

/** What bounds a run, and what is added to the names of its checks. */
type Way = readonly [how: string, limits: { readonly [method in keyof VqganMemory]: VqganLimits }];

function ways(vqgan: Vqgan, height: number, width: number): readonly Way[] {
  const strips = { stripBytes: 2 ** 13 };
  const least = leastVqganMemory(vqgan.config, { images: 1, height, width }, strips);
  const within = (maxBytes: number) => ({ ...strips, maxBytes });
  return [
    ['', { encode: {}, decode: {} }],
    [', in little memory', { encode: within(least.encode), decode: within(least.decode) }],
  ];
}

/** `[images, channels, height, width]`, as files have them. */
const planes = (x: Tensor): Tensor => permute(x, [0, 3, 1, 2]);
