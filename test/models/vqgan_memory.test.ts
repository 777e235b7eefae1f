import { afterAll, describe, expect, test } from 'vitest';
import { type Device, openDevice, type Tensor, Weights } from '../../lib/index.ts';
import type { VqganConfig } from '../../lib/models/config/vqgan.ts';
import { Vqgan } from '../../lib/models/vqgan.ts';
import {
  leastVqganMemory,
  planDecode,
  planEncode,
  type VqganLimits,
  vqganMemory,
} from '../../lib/models/vqgan_memory.ts';
import { expectRefusal } from '../support/op_case.ts';

/** The released one with a quarter of its channels, and attention at two levels. */
const quarter: VqganConfig = {
  baseChannels: 32,
  multipliers: [1, 1, 2, 2, 4],
  resBlocks: 1,
  attentionResolutions: [32],
  resolution: 256,
  zChannels: 16,
  embedDim: 12,
  codes: 64,
  inChannels: 3,
  outChannels: 3,
  doubleZ: false,
  normGroups: 32,
};

/** The most that a call held beside what was there before it. */
async function peakOf(device: Device, call: () => Tensor): Promise<number> {
  device.trim();
  const before = device.memory().liveBytes;
  let peak = 0;
  // Whatever an op works on is held when it is called.
  const run = device.run;
  device.run = (op, args) => {
    peak = Math.max(peak, device.memory().liveBytes);
    run.call(device, op, args);
  };
  try {
    call().dispose();
  } finally {
    device.run = run;
  }
  await device.idle();
  return peak - before;
}

describe('vqganMemory', async () => {
  const device = await openDevice('cpu');
  const w = Weights.fresh(device, { seed: 1 });
  const vqgan = new Vqgan(w, quarter);
  afterAll(async () => {
    w.dispose();
    await device.close();
  });

  const strips = { stripBytes: 2 ** 16 };
  test.each([
    [1, 128, 128, {}],
    [1, 128, 128, strips],
    [1, 128, 208, strips],
    [1, 128, 128, { ...strips, maxBytes: 3_000_000 }],
    [1, 128, 208, { ...strips, maxBytes: 5_000_000 }],
    [3, 64, 80, strips],
    [3, 64, 80, { ...strips, maxBytes: 3_500_000 }],
    [3, 64, 80, { stripBytes: 1, maxBytes: 1_100_000 }],
  ] as [number, number, number, VqganLimits][])(
    'is what %i x %i x %i pixels take under %o, within 5 %',
    async (images, height, width, limits) => {
      const expected = vqganMemory(quarter, { images, height, width }, limits);
      using pixels = device.zeros([images, height, width, 3]);
      using codes = device.zeros([images, height / 16, width / 16], 'i32');
      const encode = await peakOf(device, () => vqgan.encode(pixels, limits));
      const decode = await peakOf(device, () => vqgan.decode(codes, limits));
      expect(Math.abs(encode / expected.encode - 1)).toBeLessThan(0.05);
      expect(Math.abs(decode / expected.decode - 1)).toBeLessThan(0.05);
      const { maxBytes = Infinity } = limits;
      expect(Math.max(expected.encode, expected.decode)).toBeLessThanOrEqual(maxBytes);
    },
  );

  test('counts what attention holds', async () => {
    const config = { ...quarter, attentionResolutions: [256, 64] };
    using w = Weights.fresh(device, { seed: 1 });
    const vqgan = new Vqgan(w, config);
    using pixels = device.zeros([1, 32, 48, 3]);
    const expected = vqganMemory(config, { images: 1, height: 32, width: 48 });
    const encode = await peakOf(device, () => vqgan.encode(pixels));
    expect(Math.abs(encode / expected.encode - 1)).toBeLessThan(0.05);
  });

  test('is two maps of the widest level, and one where maps may be made twice', () => {
    const size = { images: 1, height: 768, width: 768 };
    const map = 768 * 768 * 32 * 4;
    const free = vqganMemory(quarter, size, strips);
    expect(free.decode / map).toBeCloseTo(2, 1);
    const least = leastVqganMemory(quarter, size, strips);
    expect(least.decode / map).toBeLessThan(1.4);
    expect(least.encode / map).toBeLessThan(1.4);
  });

  test.each([
    [1, 128],
    [3, 64],
  ])('can be kept as low as is said: %i x %i', (images, side) => {
    const size = { images, height: side, width: side };
    const least = leastVqganMemory(quarter, size, strips);
    for (const what of ['encode', 'decode'] as const) {
      const bytes = (maxBytes: number) =>
        ({ encode: planEncode, decode: planDecode })[what](quarter, size, { ...strips, maxBytes })
          .bytes;
      expect(bytes(least[what])).toBe(least[what]);
      expect(() => bytes(least[what] - 1)).toThrow(`at least the ${least[what]} bytes`);
    }
  });

  test('refuses a bound that cannot be kept', () => {
    expectRefusal(
      () => vqganMemory(quarter, { images: 1, height: 64, width: 64 }, { maxBytes: 1000 }),
      'ERR_VALUE',
      'Vqgan.encode: expected maxBytes to be at least the 1581056 bytes that 1 x 64 x 64 pixels ' +
        'take, got 1000. Lower stripBytes, or make the pictures smaller.',
    );
    expectRefusal(
      () => vqganMemory(quarter, { images: 1, height: 64, width: 64 }, { stripBytes: 0 }),
      'ERR_VALUE',
      'Vqgan: expected stripBytes to be positive, got 0',
    );
    using codes = device.zeros([1, 4, 4], 'i32');
    expect(() => vqgan.decode(codes, { maxBytes: 1000 })).toThrow(
      'Vqgan.decode: expected maxBytes',
    );
  });
});
