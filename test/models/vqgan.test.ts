import { afterAll, describe, expect, test } from 'vitest';
import {
  adamw,
  add,
  codeValues,
  type Device,
  gradients,
  mean,
  multiply,
  nearestCode,
  openDevice,
  scope,
  subtract,
  sum,
  type Tensor,
  valueAndGradients,
  Weights,
} from '../../lib/index.ts';
import type { VqganConfig } from '../../lib/models/config/vqgan.ts';
import { Vqgan } from '../../lib/models/vqgan.ts';
import { planDecode, planEncode, type VqganLimits } from '../../lib/models/vqgan_memory.ts';
import { input, integers, uniform } from '../support/numbers.ts';
import { onEveryDevice } from '../support/on_every_device.ts';
import { expectClose, expectRefusal, expectSameBits, take, upload } from '../support/op_case.ts';

/** Three levels, a change of channels in both networks, and attention at the lowest level. */
const small: VqganConfig = {
  baseChannels: 32,
  multipliers: [1, 1, 2],
  resBlocks: 1,
  attentionResolutions: [4],
  resolution: 16,
  zChannels: 6,
  embedDim: 5,
  codes: 19,
  inChannels: 3,
  outChannels: 3,
  doubleZ: false,
  normGroups: 32,
};

/** A picture's pixels in [-1, 1]. */
function picture(device: Device, shape: readonly number[], seed = 1): Tensor {
  const next = uniform(seed);
  const count = shape.reduce((a, b) => a * b);
  return device.from(
    Float32Array.from({ length: count }, () => 2 * next() - 1),
    shape,
  );
}

/** For two pictures of 32 x 4. */
const limits: readonly [string, VqganLimits][] = [
  ['in strips of a row', { stripBytes: 1 }],
  ['in strips of three rows', { stripBytes: 3 * 4 * 32 * 4 }],
  ['one image at a time', { stripBytes: 1, maxBytes: 50_000 }],
  ['one image at a time, making inner maps twice', { stripBytes: 1, maxBytes: 30_000 }],
];

onEveryDevice('Vqgan', (device, kind) => {
  const size = { images: 2, height: 32, width: 4 };
  const shape = [2, 32, 4, 3];

  /** Calls `body` with a network of its own. */
  async function withVqgan<T>(body: (vqgan: Vqgan, w: Weights) => Promise<T>): Promise<T> {
    using w = Weights.fresh(device, { seed: 3 });
    const vqgan = new Vqgan(w, small);
    vqgan.codebook.write(input(vqgan.codebook.shape, 7, { scale: 0.3 }).values);
    return await body(vqgan, w);
  }

  test('decodes what reconstruct makes of the values of codes', () =>
    withVqgan(async (vqgan) => {
      const codes = upload(device, integers([2, 8, 1], 1, 0, small.codes));
      const { decoded, reconstructed } = scope(() => ({
        decoded: vqgan.decode(codes),
        reconstructed: vqgan.reconstruct(codeValues(codes, vqgan.codebook)),
      }));
      codes.dispose();
      expect(decoded.shape).toEqual(shape);
      await expectAgree(kind, decoded, reconstructed);
    }));

  test('encodes to the codes nearest to the latents', () =>
    withVqgan(async (vqgan) => {
      const { codes, nearest } = scope(() => {
        const pixels = picture(device, shape);
        return {
          codes: vqgan.encode(pixels),
          nearest: nearestCode(vqgan.latents(pixels), vqgan.codebook),
        };
      });
      expect(codes.shape).toEqual([2, 8, 1]);
      const values = await take(codes);
      expect(new Set(values).size).toBeGreaterThan(2);
      expect(values).toEqual(await take(nearest));
    }));

  test.each(limits)('decodes and encodes the same %s', (how, limit) =>
    withVqgan(async (vqgan) => {
      const plans = [planEncode(small, size, limit), planDecode(small, size, limit)];
      const again = plans.map(({ runs }) => runs.some((run) => run.again));
      expect(again).toEqual(Array(2).fill(how.includes('twice')));
      expect(plans.map(({ images }) => images === 1)).toEqual(
        Array(2).fill(!how.includes('strips')),
      );
      const codes = upload(device, integers([2, 8, 1], 1, 0, small.codes));
      const found = scope(() => {
        const pixels = picture(device, shape);
        return {
          encoded: [vqgan.encode(pixels, limit), vqgan.encode(pixels)] as const,
          decoded: [vqgan.decode(codes, limit), vqgan.decode(codes)] as const,
        };
      });
      codes.dispose();
      expect(await take(found.encoded[0])).toEqual(await take(found.encoded[1]));
      await expectAgree(how.includes('twice') ? 'any' : kind, ...found.decoded);
    }),
  );

  test('leaves its input as it is', () =>
    withVqgan(async (vqgan) => {
      const pixels = picture(device, shape);
      const before = Float64Array.from(await pixels.read());
      scope(() => void vqgan.encode(pixels, { stripBytes: 1 }));
      expectSameBits([await take(pixels)], [before]);
    }));

  test('moves the codebook by one loss and the latents by the other', () =>
    withVqgan(async (vqgan) => {
      const z = input([1, 2, 3, small.embedDim], 5, { scale: 0.05 });
      const codebook = Float64Array.from(await vqgan.codebook.read());
      const found = scope(() => {
        const latents = upload(device, z);
        const by = (loss: 'codebookLoss' | 'commitmentLoss') =>
          valueAndGradients(() => vqgan.quantise(latents)[loss], [vqgan.codebook, latents]);
        const { values, codes } = vqgan.quantise(latents);
        return { values, codes, codebook: by('codebookLoss'), commitment: by('commitmentLoss') };
      });
      const codes = await take(found.codes);
      const values = await take(found.values);
      const { values: latents } = z;
      const [width, count] = [small.embedDim, latents.length];
      expect(values).toEqual(
        Float64Array.from(latents, (_, i) => {
          return codebook[codes[Math.floor(i / width)]! * width + (i % width)]!;
        }),
      );
      const loss = latents.reduce((sum, z, i) => sum + (values[i]! - z) ** 2 / count, 0);
      const dlatents = latents.map((z, i) => (2 / count) * (z - values[i]!));
      const dcodebook = new Float64Array(codebook.length);
      dlatents.forEach((d, i) => {
        dcodebook[codes[Math.floor(i / width)]! * width + (i % width)]! -= d;
      });
      const none = (x: Float64Array) => new Float64Array(x.length);
      expectClose(await take(found.codebook.value), [loss], 8);
      expectClose(await take(found.commitment.value), [loss], 8);
      expectClose(await take(found.codebook.gradients[0]!), dcodebook, 8);
      expect(await take(found.codebook.gradients[1]!)).toEqual(none(dlatents));
      expect(await take(found.commitment.gradients[0]!)).toEqual(none(dcodebook));
      expectClose(await take(found.commitment.gradients[1]!), dlatents, 8);
    }));

  test('passes the gradient of quantised values to the latents unchanged', () =>
    withVqgan(async (vqgan) => {
      const z = input([1, 2, 3, small.embedDim], 5, { scale: 0.05 });
      const [atValues, atLatents] = scope(() => {
        const latents = upload(device, z);
        const { values } = vqgan.quantise(latents);
        const loss = (values: Tensor) => sum(vqgan.reconstruct(values));
        return [
          gradients(() => loss(values), [values])[0]!,
          gradients(() => loss(vqgan.quantise(latents).values), [latents])[0]!,
        ];
      });
      expectSameBits([await take(atLatents)], [await take(atValues)]);
    }));

  test('has the same gradients when stages are checkpointed', () =>
    withVqgan(async (vqgan, w) => {
      const weights = w.entries().map(([, tensor]) => tensor);
      const all = (checkpointed: boolean) =>
        scope(() => {
          const pixels = picture(device, [1, 8, 8, 3]);
          return gradients(() => {
            const { values } = vqgan.quantise(vqgan.latents(pixels, { checkpointed }));
            const y = vqgan.reconstruct(values, { checkpointed });
            return sum(multiply(y, y));
          }, weights);
        });
      const [plain, checkpointed] = [all(false), all(true)];
      const values = await Promise.all(plain.map(take));
      expectSameBits(await Promise.all(checkpointed.map(take)), values);
      expect(
        values[0]!.every((value) => value !== 0),
        'that all of conv_in moves',
      ).toBe(true);
    }));

  test('refuses what does not fit', () =>
    withVqgan(async (vqgan) => {
      const of = (...shape: number[]) => device.tensor(shape);
      expectRefusal(
        () => vqgan.encode(of(1, 8, 6, 3)),
        'ERR_SHAPE',
        'Vqgan.encode: expected pixels to be [images, height, width, 3] with sides that are ' +
          'multiples of 4, got [1, 8, 6, 3]',
      );
      expectRefusal(
        () => vqgan.latents(of(8, 8, 3)),
        'ERR_SHAPE',
        'Vqgan.latents: expected pixels to be [images, height, width, 3] with sides that are ' +
          'multiples of 4, got [8, 8, 3]',
      );
      expectRefusal(
        () => vqgan.decode(of(4, 4)),
        'ERR_SHAPE',
        'Vqgan.decode: expected codes to be [images, height, width], got [4, 4]',
      );
      expectRefusal(
        () => gradients(() => sum(vqgan.decode(of(1, 4, 4))), [vqgan.codebook]),
        'ERR_VALUE',
        'Vqgan.decode: expected no gradient to be running, got one. Use reconstruct instead.',
      );
      expectRefusal(
        () => gradients(() => sum(vqgan.encode(of(1, 4, 4, 3))), [vqgan.codebook]),
        'ERR_VALUE',
        'Vqgan.encode: expected no gradient to be running, got one. Use latents and quantise instead.',
      );
    }));
});

/**
 * That two pictures are the same: to the bit on the CPU, whose sums depend on what is summed alone
 * (with so few channels it makes no squares of pixels, of which a strip could begin in the middle);
 * elsewhere how a sum is split depends on how many rows there are.
 */
async function expectAgree(kind: string, actual: Tensor, expected: Tensor): Promise<void> {
  const [a, b] = [await take(actual), await take(expected)];
  if (kind.startsWith('cpu')) expectSameBits([a], [b]);
  // A dozen convolutions and norms, one on top of the other.
  else expectClose(a, b, 400);
}

describe('the gradients of a VQGAN', async () => {
  const device = await openDevice('cpu');
  const w = Weights.fresh(device, { seed: 3 });
  const vqgan = new Vqgan(w, small);
  afterAll(async () => {
    w.dispose();
    await device.close();
  });
  const below = (...paths: string[]) =>
    paths.flatMap((path) =>
      w
        .at(path)
        .entries()
        .map(([, tensor]) => tensor),
    );
  const pixels = picture(device, [1, 8, 8, 3]);
  const values = upload(device, input([1, 2, 2, small.embedDim], 4));

  test.each([
    ['latents by pixels', () => vqgan.latents(pixels), [pixels]],
    ['latents by weights', () => vqgan.latents(pixels), below('encoder', 'quant_conv')],
    ['pictures by values', () => vqgan.reconstruct(values), [values]],
    ['pictures by weights', () => vqgan.reconstruct(values), below('decoder', 'post_quant_conv')],
  ] as const)('of %s are the slopes', async (_, forward, wrt) => {
    const loss = () => {
      const y = forward();
      return sum(multiply(y, toward(y)));
    };
    const found = await Promise.all(gradients(loss, wrt).map(take));
    // Uphill, but not straight: each element by a share of its own.
    const next = uniform(9);
    const length = Math.sqrt(found.flatMap((g) => [...g]).reduce((sum, g) => sum + g * g, 0));
    const steps = found.map((gradient) => gradient.map((g) => ((0.5 + next()) * g) / length));
    const slope = found.reduce(
      (sum, gradient, t) => gradient.reduce((sum, g, i) => sum + g * steps[t]![i]!, sum),
      0,
    );
    const starts = await Promise.all(wrt.map((tensor) => tensor.read()));
    const at = async (step: number): Promise<number> => {
      wrt.forEach((tensor, t) => {
        tensor.write(Float32Array.from(starts[t]!, (x, i) => x + step * steps[t]![i]!));
      });
      return (await take(scope(loss)))[0]!;
    };
    const h = 2 ** -11;
    const expected = ((await at(h)) - (await at(-h))) / (2 * h);
    await at(0);
    expect(slope / expected).toBeCloseTo(1, 2);
  });

  /** Fixed numbers like `y`. */
  function toward(y: Tensor): Tensor {
    return upload(device, input(y.shape, 8));
  }
});

test('a VQGAN learns two pictures', async () => {
  await using device = await openDevice('cpu');
  using w = Weights.fresh(device, { seed: 3 });
  const vqgan = new Vqgan(w, small);
  const pixels = picture(device, [2, 8, 8, 3]);
  const weights = w.entries().map(([, tensor]) => tensor);
  const states = weights.map(({ shape }) => ({ m: device.zeros(shape), v: device.zeros(shape) }));
  const rate = device.full([1], 0.002);
  const losses: number[] = [];
  for (let step = 1; step <= 40; step++) {
    const loss = scope(() => {
      const { value, gradients } = valueAndGradients(() => {
        const { values, codebookLoss, commitmentLoss } = vqgan.quantise(vqgan.latents(pixels));
        const off = subtract(vqgan.reconstruct(values), pixels);
        return add(mean(multiply(off, off)), add(codebookLoss, commitmentLoss, { beta: 0.25 }));
      }, weights);
      const count = device.full([1], step, 'i32');
      weights.forEach((weight, i) => {
        adamw(weight, gradients[i]!, states[i]!, { rate, step: count });
      });
      return value;
    });
    losses.push((await take(loss))[0]!);
  }
  expect(losses.at(-1)!).toBeLessThan(losses[0]! / 4);
});
