import { describe, expect, test } from 'vitest';
import { concat, gradients, multiply, place, scope, slice, split, sum } from '../../lib/index.ts';
import { count, given, type Input, input, integers } from '../support/numbers.ts';
import { onEveryDevice } from '../support/on_every_device.ts';
import {
  expectDefinition,
  expectGradient,
  expectRefusal,
  take,
  upload,
} from '../support/op_case.ts';

/** `x[..., begin : end, ...]` along `axis`. */
function sliced(
  x: ArrayLike<number>,
  shape: readonly number[],
  axis: number,
  begin: number,
  end: number,
) {
  const inner = count(shape.slice(axis + 1));
  const out: number[] = [];
  for (let outer = 0; outer < count(shape.slice(0, axis)); outer++)
    for (let i = begin * inner; i < end * inner; i++)
      out.push(x[outer * shape[axis]! * inner + i]!);
  return Float64Array.from(out);
}

onEveryDevice('copySlice', (device) => {
  describe.each(['f32', 'bf16', 'i32', 'i8'] as const)('of %s', (dtype) => {
    test.each([
      [[5], 0, 1, 4],
      [[7, 3], 0, 6, 7],
      [[3, 129, 2], 1, 5, 106],
      [[2, 3, 37], 2, 1, 34],
      [[2, 2, 3, 16], 2, 1, 2],
    ])('slices %j along axis %i, exactly', async (shape, axis, begin, end) => {
      const x = {
        ...(dtype === 'f32' || dtype === 'bf16'
          ? input(shape, 1, { dtype })
          : integers(shape, 1, -99, 99)),
        dtype,
      };
      const y = await take(scope(() => slice(upload(device, x), begin, end, axis)));
      expect(y).toEqual(sliced(x.values, shape, axis, begin, end));
    });
  });

  test('slices to the end unless told', async () => {
    const y = await take(scope(() => slice(upload(device, given([1, 2, 3, 4])), 2)));
    expect([...y]).toEqual([3, 4]);
  });

  test.each([0, 1, 2, -1])('concatenates along axis %i what split takes apart', async (axis) => {
    const shape = [4, 6, 10];
    const x = input(shape, 3);
    const [whole, parts] = scope(() => {
      const tensor = upload(device, x);
      const parts = split(tensor, 2, axis);
      return [concat(parts, axis), parts] as const;
    });
    const along = (axis + 3) % 3;
    const half = shape[along]! / 2;
    expect(await take(parts[0]!)).toEqual(sliced(x.values, shape, along, 0, half));
    expect(await take(parts[1]!)).toEqual(sliced(x.values, shape, along, half, 2 * half));
    expect(await take(whole)).toEqual(x.values);
  });

  test('splits into parts of unequal extent', async () => {
    const x = input([3, 11], 3);
    const parts = scope(() => split(upload(device, x), [1, 7, 3]));
    for (const [i, [begin, end]] of [
      [0, 1],
      [1, 8],
      [8, 11],
    ].entries())
      expect(await take(parts[i]!)).toEqual(sliced(x.values, [3, 11], 1, begin!, end!));
  });

  test('places one tensor in another', () =>
    expectDefinition(device, {
      inputs: [input([3, 7], 1), input([3, 2], 2)],
      op: (into, x) => place(into!, x!, 4, 1),
      definition: (into, x) =>
        into!.map((v, i) =>
          i % 7 === 4 || i % 7 === 5 ? x![Math.floor(i / 7) * 2 + (i % 7) - 4]! : v,
        ),
      roundings: 0,
    }));

  describe('has the gradient of its definition', () => {
    const inputs: Input[] = [input([3, 7, 2], 1), input([3, 4, 2], 2)];
    test('as slice', () =>
      expectGradient(device, {
        inputs: [inputs[0]!],
        op: (x) => slice(x!, 2, 6, 1),
        definition: (x) => sliced(x!, [3, 7, 2], 1, 2, 6),
        roundings: 1,
      }));
    test('as place', () =>
      expectGradient(device, {
        inputs,
        op: (into, x) => place(into!, x!, 1, 1),
        definition: (into, x) =>
          into!.map((v, i) => {
            const row = Math.floor(i / 2) % 7;
            return row >= 1 && row < 5 ? x![(Math.floor(i / 14) * 4 + row - 1) * 2 + (i % 2)]! : v;
          }),
        roundings: 1,
      }));
    test('as concat', () =>
      expectGradient(device, {
        inputs,
        op: (a, b) => concat([a!, b!], 1),
        definition: (a, b) =>
          Float64Array.from(
            [0, 1, 2].flatMap((i) => [
              ...a!.subarray(14 * i, 14 * i + 14),
              ...b!.subarray(8 * i, 8 * i + 8),
            ]),
          ),
        roundings: 1,
      }));
    test('as split', () =>
      expectGradient(device, {
        inputs: [inputs[0]!],
        op: (x) => {
          const [a, b, c] = split(x!, [2, 1, 4], 1);
          return concat([c!, a!, b!], 1);
        },
        definition: (x) =>
          Float64Array.from(
            [0, 1, 2].flatMap((i) => [
              ...x!.subarray(14 * i + 6, 14 * i + 14),
              ...x!.subarray(14 * i, 14 * i + 6),
            ]),
          ),
        roundings: 1,
      }));
    test('as split of which one part is used', async () => {
      const [dx] = scope(() => {
        const x = upload(device, input([2, 4], 1));
        const weight = upload(device, given([1, 2, 3, 4], [2, 2], 'f32'));
        return gradients(() => sum(multiply(split(x, 2)[1]!, weight)), [x]);
      });
      expect([...(await take(dx!))]).toEqual([0, 0, 1, 2, 0, 0, 3, 4]);
    });
  });

  test('refuses what does not fit', () => {
    const x = () => device.tensor([3, 4]);
    expectRefusal(
      () => slice(x(), 2, 2),
      'ERR_VALUE',
      'copy_slice: expected length to be at least 1, got 0',
    );
    expectRefusal(
      () => slice(x(), -1, 2),
      'ERR_VALUE',
      'copy_slice: expected xBegin to be such that the slice lies in x [3, 4], got -1',
    );
    expectRefusal(
      () => slice(x(), 0, 1, 2),
      'ERR_VALUE',
      'copy_slice: expected axis to be an axis of x, got 2',
    );
    expectRefusal(
      () => place(x(), device.tensor([2, 5]), 0),
      'ERR_SHAPE',
      'copy_slice: expected y to be [3, 5], got [3, 4]',
    );
    expectRefusal(
      () => concat([x(), device.tensor([3, 4], 'bf16')]),
      'ERR_DTYPE',
      'copy_slice: expected y to be bf16, got f32',
    );
    expectRefusal(
      () => concat([x(), device.tensor([3, 5])]),
      'ERR_SHAPE',
      'concat: expected xs to be of shape [any, 4], got [3, 5]',
    );
    expectRefusal(
      () => concat([]),
      'ERR_VALUE',
      'concat: expected xs to be at least one tensor, got none',
    );
    expectRefusal(
      () => split(x(), 3),
      'ERR_VALUE',
      'split: expected parts to be a division of the 4 elements along axis 1, got 3',
    );
    expectRefusal(
      () => split(x(), [1, 2]),
      'ERR_VALUE',
      'split: expected parts to be a division of the 4 elements along axis 1, got [1, 2]',
    );
  });
});
