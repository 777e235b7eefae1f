import { describe, test } from 'vitest';
import { conv2d, conv2dInto, type Padding, scope, slice } from '../../lib/index.ts';
import { input, ofSum } from '../support/numbers.ts';
import { onEveryDevice } from '../support/on_every_device.ts';
import {
  expectDefinition,
  expectGradient,
  expectRefusal,
  expectSameBits,
  type OpCase,
  take,
  upload,
} from '../support/op_case.ts';

type Float = 'f32' | 'bf16';

interface Form {
  readonly x: readonly [images: number, height: number, width: number, ins: number];
  readonly outs: number;
  readonly kernel: readonly [number, number];
  readonly stride?: number;
  readonly padding?: Padding;
  readonly bias?: boolean;
  readonly residual?: boolean;
}

function formed(dtype: Float, weightDtype: Float, form: Form): OpCase {
  const { x, outs, kernel, stride = 1, padding = 0 } = form;
  const [images, height, width, ins] = x;
  const [tall, wide] = kernel;
  const [top, left, bottom, right] =
    typeof padding === 'number' ? [padding, padding, padding, padding] : padding;
  const rows = Math.floor((height + top + bottom - tall) / stride) + 1;
  const columns = Math.floor((width + left + right - wide) / stride) + 1;
  const terms = tall * wide * ins;
  const options = [
    form.bias && input([outs], 3, { dtype: weightDtype }),
    form.residual && input([images, rows, columns, outs], 4, { dtype }),
  ];
  return {
    inputs: [
      input(x, 1, { dtype }),
      input([outs, tall, wide, ins], 2, { dtype: weightDtype, scale: terms ** -0.5 }),
      ...options.filter((one) => typeof one === 'object'),
    ],
    op: (x, weight, ...rest) =>
      conv2d(x!, weight!, {
        bias: form.bias ? rest[0] : undefined,
        residual: form.residual ? rest.at(-1) : undefined,
        stride,
        padding,
      }),
    definition: (x, weight, ...rest) =>
      Float64Array.from({ length: images * rows * columns * outs }, (_, at) => {
        const o = at % outs;
        const j = Math.floor(at / outs) % columns;
        const i = Math.floor(at / (outs * columns)) % rows;
        const n = Math.floor(at / (outs * columns * rows));
        let sum = form.bias ? rest[0]![o]! : 0;
        for (let u = 0; u < tall; u++)
          for (let v = 0; v < wide; v++) {
            const row = i * stride + u - top;
            const column = j * stride + v - left;
            if (row < 0 || row >= height || column < 0 || column >= width) continue;
            for (let c = 0; c < ins; c++)
              sum +=
                weight![((o * tall + u) * wide + v) * ins + c]! *
                x![((n * height + row) * width + column) * ins + c]!;
          }
        return sum + (form.residual ? rest.at(-1)![at]! : 0);
      }),
    roundings: dtype === 'bf16' ? 1.2 : ofSum(terms),
    gradientRoundings: dtype === 'bf16' ? 4 : ofSum(terms + outs + images * rows * columns),
  };
}

const dtypes = [
  ['f32', 'f32'],
  ['bf16', 'bf16'],
  ['bf16', 'f32'],
] as const;

onEveryDevice('conv2d', (device, kind) => {
  describe.each(dtypes)('%s with weights in %s', (dtype, weightDtype) => {
    test.each([
      { x: [1, 1, 1, 1], outs: 1, kernel: [1, 1] },
      { x: [2, 5, 7, 3], outs: 4, kernel: [3, 3], padding: 1, bias: true },
      { x: [1, 6, 5, 17], outs: 33, kernel: [1, 1], bias: true, residual: true },
      { x: [1, 7, 8, 4], outs: 5, kernel: [3, 3], stride: 2, padding: [0, 0, 1, 1] }, // downsampling
      { x: [1, 9, 6, 3], outs: 7, kernel: [3, 2], stride: 3 }, // patches
      { x: [1, 5, 4, 32], outs: 64, kernel: [3, 3], padding: 1, bias: true, residual: true },
      { x: [1, 4, 6, 2], outs: 3, kernel: [2, 4], padding: [1, 3, 0, 2] },
      // Many pixels of many channels: the CPU reads them in place.
      { x: [2, 5, 6, 46], outs: 5, kernel: [3, 3], padding: 1, bias: true },
      { x: [1, 7, 8, 17], outs: 3, kernel: [3, 3], stride: 2, padding: [0, 0, 1, 1] },
      { x: [1, 28, 14, 3], outs: 5, kernel: [14, 14], stride: 14 }, // the vision tower's patches
    ] as Form[])('is its definition on %o', (form) =>
      expectDefinition(device, formed(dtype, weightDtype, form)),
    );

    test.each([
      { x: [2, 4, 5, 3], outs: 4, kernel: [3, 3], padding: 1, bias: true },
      { x: [1, 3, 5, 7], outs: 6, kernel: [1, 1], bias: true, residual: true },
      { x: [1, 7, 8, 4], outs: 5, kernel: [3, 3], stride: 2, padding: [0, 0, 1, 1], bias: true },
      { x: [1, 9, 6, 3], outs: 7, kernel: [3, 2], stride: 3 },
      { x: [1, 4, 6, 2], outs: 3, kernel: [2, 4], padding: [1, 3, 0, 2] },
      { x: [1, 4, 5, 3], outs: 18, kernel: [3, 3], padding: 1 },
      { x: [1, 6, 5, 2], outs: 16, kernel: [3, 3], stride: 2, padding: 1 },
    ] as Form[])('has the gradient of its definition on %o', (form) =>
      expectGradient(device, formed(dtype, weightDtype, form)),
    );
  });

  // Large enough for the CPU to transform squares (native/cpu/winograd.h), odd and even, padded or not;
  // emulated GPUs would take long, and have nothing of the kind.
  if (kind.startsWith('cpu'))
    describe.each(dtypes)('squares of %s with weights in %s', (dtype, weightDtype) => {
      test.each([
        { x: [1, 17, 19, 16], outs: 16, kernel: [3, 3], padding: 1, bias: true, residual: true },
        { x: [2, 18, 18, 37], outs: 85, kernel: [3, 3], bias: true },
        { x: [2, 16, 16, 21], outs: 18, kernel: [3, 3], padding: [0, 2, 2, 1], residual: true },
        { x: [1, 20, 15, 3], outs: 5, kernel: [3, 3], padding: 1 },
      ] as Form[])('are their definition on %o', (form) =>
        expectDefinition(device, formed(dtype, weightDtype, form)),
      );

      test('have the gradient of their definition', () => {
        const form: Form = { x: [2, 13, 12, 16], outs: 17, kernel: [3, 3], padding: [0, 2, 2, 1] };
        return expectGradient(device, formed(dtype, weightDtype, { ...form, bias: true }));
      });
    });

  test('conv2dInto makes the same bits, in the memory of its residual too', async () => {
    const inputs = [
      input([1, 6, 5, 7], 1),
      input([9, 3, 3, 7], 2),
      input([1, 6, 5, 9], 3),
    ] as const;
    const [y, into] = scope(() => {
      const [x, weight, residual] = inputs.map((one) => upload(device, one));
      const y = conv2d(x!, weight!, { residual, padding: 1 });
      conv2dInto(residual!, x!, weight!, { residual, padding: 1 });
      return [y, residual!] as const;
    });
    expectSameBits([await take(into)], [await take(y)]);
  });

  test.each([
    [2, 6, 5, 7],
    [5, 16, 17, 16],
  ])('%i pictures of %i x %i x %i do not depend on each other', async (images, ...one) => {
    const [rows, columns, ins] = one as [number, number, number];
    const [together, alone] = scope(() => {
      const weight = upload(device, input([16, 3, 3, ins], 2));
      const all = upload(device, input([images, rows, columns, ins], 1));
      return [all, slice(all, 1, 2, 0)].map((x) => conv2d(x, weight, { padding: 1 }));
    });
    const size = rows * columns * 16;
    expectSameBits([await take(alone!)], [(await take(together!)).slice(size, 2 * size)]);
  });

  test('refuses what does not fit', () => {
    const of = (...shape: number[]) => device.tensor(shape);
    expectRefusal(
      () => conv2d(of(5, 5, 3), of(4, 3, 3, 3)),
      'ERR_SHAPE',
      'conv2d: expected x to be [images, height, width, in], got [5, 5, 3]',
    );
    expectRefusal(
      () => conv2d(of(1, 5, 5, 3), of(4, 3, 3, 2)),
      'ERR_SHAPE',
      'conv2d: expected weight to be [4, 3, 3, 3], got [4, 3, 3, 2]',
    );
    expectRefusal(
      () => conv2d(of(1, 5, 5, 3), of(4, 3, 3, 3), { padding: 3 }),
      'ERR_VALUE',
      'conv2d: expected padding to be 0 or more and less than the kernel, got 3',
    );
    expectRefusal(
      () => conv2d(of(1, 5, 5, 3), of(4, 3, 3, 3), { stride: 0 }),
      'ERR_VALUE',
      'conv2d: expected stride to be at least 1, got 0',
    );
    expectRefusal(
      () => conv2d(of(1, 2, 5, 3), of(4, 3, 3, 3)),
      'ERR_SHAPE',
      'conv2d: expected x to be at least as large as the kernel, got [1, 2, 5, 3]',
    );
    expectRefusal(
      () => conv2d(of(1, 5, 5, 3), of(4, 3, 3, 3), { bias: of(3) }),
      'ERR_SHAPE',
      'conv2d: expected bias to be [4], got [3]',
    );
  });
});
