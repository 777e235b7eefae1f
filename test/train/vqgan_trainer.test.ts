import { describe, expect, test } from 'vitest';
import { makePicture } from '../../lib/image/picture.ts';
import { scope, Weights } from '../../lib/index.ts';
import { Vqgan } from '../../lib/models/vqgan.ts';
import { Draws } from '../../lib/train/draws.ts';
import { heldOutFigures } from '../../lib/train/held_out.ts';
import { principalAxes } from '../../lib/train/principal_axes.ts';
import { textureLoss } from '../../lib/train/texture_loss.ts';
import { VqganTrainer, type VqganTrainerOptions } from '../../lib/train/vqgan_trainer.ts';
import { expectRefusal } from '../support/op_case.ts';
import { fall, moved, trained, trainingDevice, valuesIn } from './trained.ts';

const device = await trainingDevice();
const config = {
  baseChannels: 32,
  multipliers: [1, 1],
  resBlocks: 1,
  attentionResolutions: [],
  resolution: 8,
  zChannels: 8,
  embedDim: 4,
  codes: 16,
  inChannels: 3,
  outChannels: 3,
  doubleZ: false,
  normGroups: 32,
};

/** Squares of a colour on another. */
const pictures = {
  length: 8,
  at: (i: number) => {
    const pixels = new Uint8Array(8 * 8 * 3);
    for (let p = 0; p < 64; p++) {
      const inside = p % 8 < 4 === (i % 2 === 0) && p < 32;
      for (let c = 0; c < 3; c++) pixels[3 * p + c] = inside ? 255 - 20 * i : 60 * c;
    }
    return makePicture('RGB', 8, 8, pixels);
  },
};

function made(options: VqganTrainerOptions = {}) {
  const weights = Weights.fresh(device, { seed: 4 });
  const vqgan = new Vqgan(weights, config);
  const trainer = new VqganTrainer(vqgan, weights.entries(), options);
  const dispose = () => {
    trainer.dispose();
    weights.dispose();
  };
  return { weights, vqgan, trainer, [Symbol.dispose]: dispose };
}

interface Stripes {
  readonly height: number;
  readonly from: number;
}

/** Columns of 16 x 16 pixels that are as far above grey as below it by turns. */
function textured() {
  const pixelsOf = ({ height, from }: Stripes) =>
    device.from(
      Float32Array.from({ length: 16 * 16 * 3 }, (_, i) =>
        (Math.floor(i / 3) + from) % 2 === 0 ? height : -height,
      ),
      [1, 16, 16, 3],
    );
  const loss = async (seen: Stripes, wanted: Stripes) => {
    const result = scope(() => textureLoss(pixelsOf(seen), pixelsOf(wanted)));
    const [value] = await result.read();
    result.dispose();
    return value!;
  };
  return { loss };
}

describe('the VQGAN trainer', () => {
  test('makes pictures come back, and moves every tensor', async () => {
    using one = made({ weights: { edges: 0.5 }, deadAfter: 5 });
    const before = await valuesIn(one.weights);
    const steps = await trained(one.trainer, pictures, 60, { rate: 3e-3, batchSize: 4 });
    const [first, last] = fall(steps);
    expect(last).toBeLessThan(first / 2);
    const { metrics } = steps.at(-1)!;
    expect(Object.keys(metrics).sort()).toEqual([
      'absolute',
      'codebook',
      'commitment',
      'edges',
      'revivedCodes',
      'squared',
      'usedCodes',
    ]);
    expect(metrics.squared).toBeLessThan(steps[0]!.metrics.squared! / 3);
    const after = await valuesIn(one.weights);
    expect(moved(before, after)).toEqual([...after.keys()].sort());
  });

  test('has the weighted sum of its terms for a loss', async () => {
    const weights = {
      ...{ absolute: 0.5, squared: 2, edges: 3, chroma: 4 },
      ...{ covariance: 0.6, codebook: 0.7, commitment: 0.1 },
    };
    using one = made({ weights });
    const [step] = await trained(one.trainer, pictures, 1, { rate: 0 });
    const { loss, metrics } = step!;
    const sum = Object.entries(weights).reduce((sum, [name, w]) => sum + w * metrics[name]!, 0);
    expect(loss).toBeCloseTo(sum, 5);
    using other = made({ weights: { ...weights, edges: 0 } });
    const [without] = await trained(other.trainer, pictures, 1, { rate: 0 });
    expect(without!.loss).toBeCloseTo(sum - 3 * metrics.edges!, 5);
    expect(without!.metrics.edges).toBeUndefined();
  });

  test('sees colour apart from brightness', async () => {
    // Without weights the network returns grey, 0 everywhere.
    using one = made({ weights: { chroma: 1 }, mirror: false });
    for (const [, tensor] of one.weights.entries())
      tensor.write(new Float32Array(tensor.shape.reduce((a, b) => a * b)));
    const seen = async (red: number, others: number) => {
      const pixels = Uint8Array.from({ length: 192 }, (_, i) => (i % 3 === 0 ? red : others));
      const same = { length: 2, at: () => makePicture('RGB', 8, 8, pixels) };
      const [step] = await trained(one.trainer, same, 1, { rate: 0 });
      return step!.metrics;
    };
    const grey = await seen(204, 204);
    expect(grey.squared).toBeCloseTo(0.6 ** 2, 5);
    expect(grey.chroma).toBeLessThan(1e-10);
    // (1, -1, -1) less its grey, (-1/3, -1/3, -1/3), has a square of 8/3, over two axes.
    const red = await seen(255, 0);
    expect(red.squared).toBeCloseTo(1, 5);
    expect(red.chroma).toBeCloseTo(4 / 3, 5);
  });

  test('sees how strong texture is, wherever its strokes lie', async () => {
    const one = textured();
    const off = (seen: Stripes, wanted: Stripes) => one.loss(seen, wanted);
    const [strong, moved, weak, plain] = [
      { height: 0.5, from: 0 },
      { height: 0.5, from: 1 },
      { height: 0.25, from: 0 },
      { height: 0, from: 0 },
    ];
    // Columns of h, -h, h, ...: steps of 2h to the right by 1, none by 2, none down.
    expect(await off(plain!, strong!)).toBeCloseTo(1 / 4, 2);
    expect(await off(weak!, strong!)).toBeCloseTo(0.5 / 4, 2);
    expect(await off(moved!, strong!)).toBeLessThan(2e-3);
  });

  test('draws the covariance of latents to the identity', async () => {
    const offOf = async (covariance: number) => {
      using one = made({ weights: { covariance }, mirror: false });
      const steps = await trained(one.trainer, pictures, 60, { rate: 3e-3, batchSize: 8 });
      const { batch } = one.trainer.prepare(
        Array.from({ length: 8 }, (_, i) => pictures.at(i)),
        new Draws(0, 0),
      );
      using pixels = batch;
      using latents = scope(() => one.vqgan.latents(pixels));
      const { deviations } = principalAxes(Float32Array.from(await latents.read()), 4);
      return { deviations, last: steps.at(-1)!.metrics.covariance };
    };
    const { deviations, last } = await offOf(2);
    // The smallest of the deviations is what is lost without the term.
    expect(deviations.at(-1)).toBeGreaterThan(0.6);
    expect(deviations[0]).toBeLessThan(1.6);
    expect(last).toBeLessThan(0.1);
    const without = await offOf(0);
    expect(without.last).toBeUndefined();
    expect(without.deviations.at(-1)).toBeLessThan(0.3);
  });

  test('uses more codes when it revives those that nothing is rounded to', async () => {
    const used = async (deadAfter: number) => {
      using one = made({ deadAfter });
      const steps = await trained(one.trainer, pictures, 40, { rate: 1e-3 });
      const codes = new Set<number>();
      for (let i = 0; i < pictures.length; i++) {
        const { batch: pixels } = one.trainer.prepare([pictures.at(i)], new Draws(0, 0));
        const found = one.vqgan.encode(pixels);
        for (const code of await found.read()) codes.add(code);
        pixels.dispose();
        found.dispose();
      }
      return { codes: codes.size, steps };
    };
    const [without, revived] = [await used(0), await used(3)];
    expect(without.steps[0]!.metrics.usedCodes).toBeUndefined();
    expect(revived.steps.some(({ metrics }) => metrics.revivedCodes! > 0)).toBe(true);
    expect(revived.steps[0]!.metrics.revivedCodes).toBe(0);
    expect(revived.codes).toBeGreaterThan(without.codes);
  });

  test('counts how long each code was idle, in what it saves', async () => {
    using one = made({ deadAfter: 100 });
    const [step] = await trained(one.trainer, pictures, 1, { rate: 0 });
    const [[name, idle]] = one.trainer.state as [(typeof one.trainer.state)[0]];
    const values = [...(await idle.read())];
    expect(name).toBe('idle');
    expect(values.filter((steps) => steps === 0)).toHaveLength(step!.metrics.usedCodes! * 16);
    expect(new Set(values)).toEqual(new Set([0, 1]));
  });

  test('mirrors about half of the pictures', async () => {
    using one = made();
    const plain = made({ mirror: false });
    const same = pictures.at(0);
    const all = Array.from({ length: 40 }, () => same);
    const values = async (trainer: VqganTrainer) => {
      const { batch: pixels } = trainer.prepare(all, new Draws(1, 0));
      const read = await pixels.read();
      pixels.dispose();
      return Array.from({ length: 40 }, (_, i) => [...read.subarray(i * 192, (i + 1) * 192)]);
    };
    const straight = await values(plain.trainer);
    plain[Symbol.dispose]();
    const drawn = await values(one.trainer);
    const row = (picture: number[]) =>
      Array.from({ length: 8 }, (_, x) => picture.slice(3 * x, 3 * x + 3));
    const mirrored = drawn.filter((picture) => String(picture) !== String(straight[0]));
    expect(mirrored.length).toBeGreaterThan(10);
    expect(mirrored.length).toBeLessThan(30);
    for (const picture of mirrored) expect(row(picture)).toEqual(row(straight[0]!).reverse());
  });

  test('loses the same when stages are computed twice', async () => {
    using whole = made();
    using twice = made({ checkpointed: true });
    const losses = async ({ trainer }: typeof whole) =>
      (await trained(trainer, pictures, 3, { rate: 1e-3 })).map(({ loss }) => loss);
    expect(await losses(twice)).toEqual(await losses(whole));
  });

  test.each([
    [16, 8, '5: expected the picture to be 8 x 8 pixels like 3 of its batch, got 16 x 8 pixels'],
    [8, 4, '5: expected the picture to be 8 x 8 pixels like 3 of its batch, got 8 x 4 pixels'],
    [9, 8, '5: expected the picture to be multiples of 2 pixels a side, got 9 x 8 pixels'],
  ])('refuses a picture of %i x %i beside one of 8 x 8', async (width, height, message) => {
    using one = made();
    const other = makePicture('RGB', width, height, new Uint8Array(width * height * 3));
    const batch = [
      { ...pictures.at(0), name: '3' },
      { ...other, name: '5' },
    ];
    expectRefusal(() => one.trainer.prepare(batch, new Draws(0, 0)), 'ERR_INPUT', message);
    const held = { length: 2, at: (i: number) => batch[i]! };
    const figures = heldOutFigures(one.trainer, held, { batchSize: 2, seed: 0 });
    await expect(figures).rejects.toThrow(message);
    expectRefusal(
      () => one.trainer.prepare([pictures.at(0), other], new Draws(0, 0)),
      'ERR_INPUT',
      message.replace('5:', 'picture 1:').replace('like 3', 'like the first'),
    );
  });
});
