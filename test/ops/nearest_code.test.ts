import { expect, test } from 'vitest';
import {
  codeValues,
  gradients,
  multiply,
  nearestCode,
  scope,
  straightThrough,
  sum,
} from '../../lib/index.ts';
import { given, input } from '../support/numbers.ts';
import { onEveryDevice } from '../support/on_every_device.ts';
import { expectRefusal, take, upload } from '../support/op_case.ts';

/** The nearest row by squared distance, the lower of equals. */
function nearest(x: Float64Array, codebook: Float64Array, width: number): number[] {
  return Array.from({ length: x.length / width }, (_, r) => {
    let best = 0;
    let least = Infinity;
    for (let j = 0; j < codebook.length / width; j++) {
      let distance = 0;
      for (let c = 0; c < width; c++)
        distance += (x[r * width + c]! - codebook[j * width + c]!) ** 2;
      if (distance < least) [best, least] = [j, distance];
    }
    return best;
  });
}

onEveryDevice('nearestCode', (device) => {
  test.each([
    [[1, 1], 1],
    [[3, 7], 5],
    [[2, 3, 5, 16], 67],
    [[33, 256], 130],
  ])('is its definition for %j among %i codes', async (shape, count) => {
    const width = shape.at(-1)!;
    const x = input(shape, 1);
    const codebook = input([count, width], 2);
    const codes = scope(() => nearestCode(upload(device, x), upload(device, codebook)));
    expect(codes.shape).toEqual(shape.slice(0, -1));
    expect([...(await take(codes))]).toEqual(nearest(x.values, codebook.values, width));
  });

  test('takes the lower of equal codes', async () => {
    const codebook = given([5, 5, 1, 0, 0, 1, 1, 0, 0, 1], [5, 2], 'f32');
    const x = given([1, 0, 0, 1, 0, 0], [3, 2], 'f32');
    const codes = scope(() => nearestCode(upload(device, x), upload(device, codebook)));
    expect([...(await take(codes))]).toEqual([1, 2, 1]);
  });

  test('passes gradients straight through', async () => {
    const x = input([5, 8], 1);
    const codebook = input([7, 8], 2);
    const weight = input([5, 8], 3);
    const [values, codes, dx, again] = scope(() => {
      const [tensor, book, w] = [x, codebook, weight].map((one) => upload(device, one));
      const { values, codes } = straightThrough(tensor!, book!);
      const [dx] = gradients(
        () => sum(multiply(straightThrough(tensor!, book!).values, w!)),
        [tensor!],
      );
      return [values, codes, dx!, codeValues(codes, book!)] as const;
    });
    const expected = nearest(x.values, codebook.values, 8);
    const rows = expected.flatMap((code) => [...codebook.values.subarray(code * 8, code * 8 + 8)]);
    expect([...(await take(codes))]).toEqual(expected);
    expect([...(await take(values))]).toEqual(rows);
    expect([...(await take(again))]).toEqual(rows);
    expect(await take(dx)).toEqual(weight.values);
  });

  test('refuses what does not fit', () => {
    expectRefusal(
      () => nearestCode(device.tensor([4, 3]), device.tensor([5, 2])),
      'ERR_SHAPE',
      'nearest_code: expected codebook to be [5, 3], got [5, 2]',
    );
    expectRefusal(
      () => nearestCode(device.tensor([4, 3], 'bf16'), device.tensor([5, 3])),
      'ERR_DTYPE',
      'nearest_code: expected x to be f32, got bf16',
    );
    expectRefusal(
      () => nearestCode(device.tensor([3]), device.tensor([5, 3])),
      'ERR_SHAPE',
      'nearest_code: expected x to be [..., width], got [3]',
    );
  });
});
