import { describe, expect, test } from 'vitest';
import { embedding, gather, scope } from '../../lib/index.ts';
import { given, input, integers, stored } from '../support/numbers.ts';
import { onEveryDevice } from '../support/on_every_device.ts';
import {
  expectDefinition,
  expectGradient,
  expectRefusal,
  type OpCase,
  take,
  upload,
} from '../support/op_case.ts';

const looked = (
  dtype: 'f32' | 'bf16',
  vocabulary: number,
  width: number,
  ids: readonly number[],
): OpCase => ({
  inputs: [input([vocabulary, width], 1, { dtype }), integers(ids, 2, 0, vocabulary)],
  op: (table, ids) => gather(table!, ids!),
  definition: (table, ids) =>
    Float64Array.from(
      { length: ids!.length * width },
      (_, i) => table![ids![Math.floor(i / width)]! * width + (i % width)]!,
    ),
  roundings: 0,
  gradientRoundings: 4,
});

/** Tokens 1 and 3 are overwritten by rows 1 and 0; their ids would be out of range. */
const overwritten = (dtype: 'f32' | 'bf16'): OpCase => ({
  inputs: [
    input([7, 33], 1, { dtype }),
    given([3, -5, 0, 99, 3, 6]),
    input([2, 33], 3, { dtype }),
    given([-1, 1, -1, 0, -1, -1]),
  ],
  op: (table, ids, rows, slots) => embedding(table!, ids!, { rows: rows!, slots: slots! }),
  definition: (table, ids, rows, slots) =>
    Float64Array.from({ length: 6 * 33 }, (_, i) => {
      const t = Math.floor(i / 33);
      return slots![t]! >= 0
        ? rows![slots![t]! * 33 + (i % 33)]!
        : table![ids![t]! * 33 + (i % 33)]!;
    }),
  roundings: 0,
  gradientRoundings: 4,
});

onEveryDevice('embedding', (device) => {
  describe.each(['f32', 'bf16'] as const)('in %s', (dtype) => {
    test.each([
      [1, 1, [1]],
      [5, 7, [3]],
      [67, 64, [2, 5]],
      [11, 257, [2, 2, 3]],
    ])('is its definition with %i rows of %i, ids %j', (vocabulary, width, ids) =>
      expectDefinition(device, looked(dtype, vocabulary, width, ids)),
    );

    test('overwrites the rows that have a slot', () =>
      expectDefinition(device, overwritten(dtype)));

    test('has the gradient of its definition', async () => {
      await expectGradient(device, looked(dtype, 5, 35, [3, 4]));
      await expectGradient(device, overwritten(dtype));
    });
  });

  test('rounds an f32 table to bf16 where asked', async () => {
    const table = input([3, 5], 1);
    const y = await take(
      scope(() => embedding(upload(device, table), upload(device, given([2])), { dtype: 'bf16' })),
    );
    expect(y).toEqual(table.values.slice(10).map((v) => stored(v, 'bf16')));
  });

  test('refuses what does not fit', () => {
    const table = () => device.tensor([5, 4]);
    expectRefusal(
      () => embedding(device.tensor([5]), device.tensor([2], 'i32')),
      'ERR_SHAPE',
      'embedding: expected table to be [vocabulary, width], got [5]',
    );
    expectRefusal(
      () => embedding(table(), device.tensor([2])),
      'ERR_DTYPE',
      'embedding: expected ids to be i32, got f32',
    );
    expectRefusal(
      () => embedding(table(), device.tensor([2], 'i32'), { rows: device.tensor([1, 4]) }),
      'ERR_VALUE',
      'embedding: expected rows to be given exactly when slots is, got it alone',
    );
    expectRefusal(
      () =>
        embedding(table(), device.tensor([2], 'i32'), {
          rows: device.tensor([1, 3]),
          slots: device.tensor([2], 'i32'),
        }),
      'ERR_SHAPE',
      'embedding: expected rows to be [1, 4], got [1, 3]',
    );
  });
});
