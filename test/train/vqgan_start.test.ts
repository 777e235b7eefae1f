import { afterAll, describe, expect, test } from 'vitest';
import { scope, Weights } from '../../lib/index.ts';
import { Vqgan } from '../../lib/models/vqgan.ts';
import { Draws } from '../../lib/train/draws.ts';
import { principalAxes } from '../../lib/train/principal_axes.ts';
import { startVqgan } from '../../lib/train/vqgan_start.ts';
import { trainingDevice } from './trained.ts';

const device = await trainingDevice();
const config = {
  baseChannels: 16,
  multipliers: [1, 1],
  resBlocks: 1,
  attentionResolutions: [],
  resolution: 16,
  zChannels: 12,
  embedDim: 3,
  codes: 40,
  inChannels: 3,
  outChannels: 3,
  doubleZ: false,
  normGroups: 4,
};
const images = 6;
const side = 16;

/** Soft stripes of two colours each. */
const pixels = device.from(
  Float32Array.from({ length: images * side * side * 3 }, (_, i) => {
    const [channel, x, y] = [i % 3, Math.floor(i / 3) % side, Math.floor(i / 3 / side) % side];
    const image = Math.floor(i / 3 / side ** 2);
    return 0.8 * Math.sin(0.5 * x * (1 + image / 4) + channel * image + 0.3 * y * (channel - 1));
  }),
  [images, side, side, 3],
);

afterAll(() => pixels.dispose());

async function started(seed = 3) {
  const weights = Weights.fresh(device, { seed });
  const vqgan = new Vqgan(weights, config);
  await startVqgan(vqgan, weights.entries(), pixels, new Draws(1, 0));
  return { weights, vqgan };
}

describe('first weights of a VQGAN', () => {
  test('give latents without correlation, with a deviation of 1', async () => {
    const { weights, vqgan } = await started();
    using latents = scope(() => vqgan.latents(pixels));
    const { deviations, mean } = principalAxes(Float32Array.from(await latents.read()), 3);
    for (const deviation of deviations) expect(deviation).toBeCloseTo(1, 3);
    for (const value of mean) expect(value).toBeCloseTo(0, 3);
    weights.dispose();
  });

  test('have latents of the pictures for codes, no two the same', async () => {
    const { weights, vqgan } = await started();
    using latents = scope(() => vqgan.latents(pixels));
    const rows = (values: ArrayLike<number>) =>
      Array.from({ length: values.length / 3 }, (_, i) =>
        [0, 1, 2].map((c) => values[3 * i + c]).join(),
      );
    const known = new Set(rows(await latents.read()));
    const codes = rows(await vqgan.codebook.read());
    expect(codes.filter((code) => !known.has(code))).toEqual([]);
    expect(new Set(codes).size).toBe(config.codes);
    weights.dispose();
  });

  test('leave residual branches at nothing, and depend on the seed', async () => {
    const { weights } = await started();
    const second = weights.entries().filter(([name]) => /\.conv2\.(weight|bias)$/.test(name));
    expect(second.length).toBeGreaterThan(8);
    for (const [, tensor] of second) expect(Math.max(...(await tensor.read()))).toBe(0);
    const { weights: other } = await started(4);
    const weightOf = async (of: Weights) =>
      [...(await new Map(of.entries()).get('quant_conv.weight')!.read())].slice(0, 4);
    expect(await weightOf(weights)).not.toEqual(await weightOf(other));
    for (const tree of [weights, other]) tree.dispose();
  });

  test('are numbers where nothing varies, such as of a single latent', async () => {
    const weights = Weights.fresh(device, { seed: 3 });
    const vqgan = new Vqgan(weights, config);
    using one = device.full([1, 2, 2, 3], 0.25);
    await startVqgan(vqgan, weights.entries(), one, new Draws(1, 0));
    for (const [name, tensor] of weights.entries())
      expect((await tensor.read()).every(Number.isFinite), name).toBe(true);
    weights.dispose();
  });

  test('pass colour on more than brightness', async () => {
    const weights = Weights.fresh(device, { seed: 3 });
    const vqgan = new Vqgan(weights, config);
    const first = new Map(weights.entries()).get('encoder.conv_in.weight')!;
    const before = [...(await first.read())];
    await startVqgan(vqgan, weights.entries(), pixels, new Draws(1, 0));
    const after = [...(await first.read())];
    const grey = (of: readonly number[], at: number) => (of[at]! + of[at + 1]! + of[at + 2]!) / 3;
    for (let at = 0; at < before.length; at += 3) {
      expect(grey(after, at)).toBeCloseTo(grey(before, at), 6);
      expect(after[at]! - grey(after, at)).toBeCloseTo(3 * (before[at]! - grey(before, at)), 5);
    }
    weights.dispose();
  });
});
