import { describe, expect, test } from 'vitest';
import { dequantiseRows, quantiseRows, scope } from '../../lib/index.ts';
import { given, input } from '../support/numbers.ts';
import { onEveryDevice } from '../support/on_every_device.ts';
import { expectClose, expectRefusal, expectSameBits, take, upload } from '../support/op_case.ts';

onEveryDevice('quantise', (device) => {
  describe.each(['f32', 'bf16'] as const)('of %s', (dtype) => {
    test.each([
      [1, 1],
      [3, 7],
      [5, 257],
      [2, 1280],
    ])('keeps [%i, %i] to half a step of each row', async (rows, width) => {
      const x = input([rows, width], 1, { dtype });
      const [q, scale, y] = scope(() => {
        const { weight, scale } = quantiseRows(upload(device, x));
        return [weight, scale, dequantiseRows({ weight, scale })] as const;
      });
      const [codes, scales, back] = [await take(q), await take(scale), await take(y)];
      for (let r = 0; r < rows; r++) {
        const row = x.values.subarray(r * width, (r + 1) * width);
        const most = row.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
        expectClose([scales[r]!], [most / 127], 1);
        // To the nearest, by the scale as it was stored; halves may fall to either side.
        const own = codes.subarray(r * width, (r + 1) * width);
        const off = own.map((code, i) => Math.abs(row[i]! / scales[r]! - code));
        expect(off.reduce((a, b) => Math.max(a, b))).toBeLessThanOrEqual(0.5 + 1e-4);
        expectSameBits(
          [back.slice(r * width, (r + 1) * width)],
          [own.map((code) => Math.fround(code * scales[r]!))],
        );
        expect(own.reduce((a, b) => Math.max(a, Math.abs(b)), 0)).toBe(127);
      }
    });
  });

  test('rounds halves to even, and a row of zeros to zeros', async () => {
    const x = given([127, 0.5, 1.5, 2.5, -0.5, -1.5, 0, 0, 0, 0, 0, 0], [2, 6], 'f32');
    const [q, scale] = scope(() => {
      const { weight, scale } = quantiseRows(upload(device, x));
      return [weight, scale];
    });
    expect([...(await take(scale))]).toEqual([1, 1]);
    expect([...(await take(q))].map((v) => v + 0)).toEqual([127, 0, 2, 2, 0, -2, 0, 0, 0, 0, 0, 0]);
  });

  test('takes what is no number, and a row too small for a scale, as zeros', async () => {
    const [nan, infinite, tiny] = [Number.NaN, Number.POSITIVE_INFINITY, 1e-44];
    const x = given([nan, 1, -2, 0.5, infinite, 1, -2, 0, 3 * tiny, tiny, -tiny, 0], [3, 4], 'f32');
    const [q, scale] = scope(() => {
      const { weight, scale } = quantiseRows(upload(device, x));
      return [weight, scale];
    });
    expect([...(await take(scale))]).toEqual([Math.fround(2 / 127), infinite, 1]);
    expect([...(await take(q))].map((v) => v + 0)).toEqual([0, 64, -127, 32, ...Array(8).fill(0)]);
  });

  test('gives back bf16 where asked', async () => {
    const x = given([127, 3, -5], [1, 3], 'f32');
    const y = await take(scope(() => dequantiseRows(quantiseRows(upload(device, x)), 'bf16')));
    expect([...y]).toEqual([127, 3, -5]);
  });

  test('refuses what does not fit', () => {
    expectRefusal(
      () => quantiseRows(device.tensor([6])),
      'ERR_SHAPE',
      'quantise: expected x to be [rows, width], got [6]',
    );
    expectRefusal(
      () => dequantiseRows({ weight: device.tensor([2, 3], 'i8'), scale: device.tensor([3]) }),
      'ERR_SHAPE',
      'dequantise: expected scale to be [2], got [3]',
    );
    expectRefusal(
      () => dequantiseRows({ weight: device.tensor([2, 3]), scale: device.tensor([2]) }),
      'ERR_DTYPE',
      'dequantise: expected q to be i8, got f32',
    );
  });
});
