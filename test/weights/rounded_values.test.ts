import { describe, expect, test } from 'vitest';
import { dequantiseRows, quantiseRows } from '../../lib/index.ts';
import { fromInt8Rows, rowScales, toBf16, toInt8Rows } from '../../lib/weights/rounded_values.ts';
import { uniform } from '../support/numbers.ts';
import { onEveryDevice } from '../support/on_every_device.ts';

/** Floats of every size, and what is special among them. */
function floats(count: number): Float32Array {
  const next = uniform(7);
  const special = [0, -0, 1e-45, -1e-40, 3.4e38, -3.39e38, 0.5, 1 + 2 ** -8, 1 + 2 ** -9];
  return Float32Array.from({ length: count }, (_, i) =>
    i % 5 === 0 ? special[i % special.length]! : (2 * next() - 1) * 10 ** (20 * next() - 10),
  );
}

onEveryDevice('values in fewer bits', (device) => {
  test('are what bf16 tensors hold', async () => {
    const values = Float32Array.of(...floats(5000), Infinity, -Infinity);
    using tensor = device.from(values, [values.length], 'bf16');
    const halves = toBf16(values);
    const widened = new Uint32Array(halves.length).map((_, i) => halves[i]! << 16);
    expect(new Float32Array(widened.buffer)).toEqual(await tensor.read());
  });

  test.each([
    [1, 1],
    [7, 33],
    [64, 257],
    [3, 1],
  ])('are what quantiseRows makes of [%i, %i]', async (rows, width) => {
    const values = floats(rows * width);
    values.fill(0, 0, width); // a row of zeros
    using x = device.from(values, [rows, width]);
    const { weight, scale } = quantiseRows(x);
    const scales = rowScales(values, width);
    expect(scales).toEqual(await scale.read());
    const int8 = toInt8Rows(values, width, scales);
    expect(int8).toEqual(await weight.read());
    using back = dequantiseRows({ weight, scale });
    expect(fromInt8Rows(int8, width, scales)).toEqual(await back.read());
    weight.dispose();
    scale.dispose();
  });
});

describe('rowScales', () => {
  test('does not lose what is not finite', () => {
    const scales = rowScales(
      Float32Array.of(1, Number.NaN, 2, 1, -Infinity, 2, Number.NaN, 1, 1),
      3,
    );
    expect([...scales].map((scale) => Number.isFinite(scale))).toEqual([false, false, false]);
  });
});

test('a NaN stays one in bf16, whatever its bits', () => {
  const bits = Uint32Array.of(0x7f800001, 0xff800001, 0x7fffffff, 0x7fc00000);
  for (const half of toBf16(new Float32Array(bits.buffer))) {
    expect(half & 0x7fff).toBeGreaterThan(0x7f80);
  }
});
