import { expect, test } from 'vitest';
import { type Device, type Dtype, openDevice, scope, type Tensor } from '../../lib/index.ts';
import { onEveryHostSide } from '../support/on_every_device.ts';

/** Reads and disposes. */
async function take(tensor: Tensor): Promise<number[]> {
  const values = Array.from(await tensor.read());
  tensor.dispose();
  return values;
}

onEveryHostSide('tensor', (device) => {
  test.each<[Dtype, number[]]>([
    ['f32', [1.5, -2.25, 2 ** -100, Number.POSITIVE_INFINITY]],
    ['bf16', [1.5, -2.25, 3.140625, Number.NEGATIVE_INFINITY]],
    ['i32', [1, -2, 2147483647, -2147483648]],
    ['i8', [1, -2, 127, -128]],
  ])('gives back the %s values it was made of', async (dtype, values) => {
    expect(await take(device.from(values, [2, 2], dtype))).toEqual(values);
  });

  test('rounds to bf16 to nearest, ties to even, and keeps NaN', async () => {
    const values = [1 + 2 ** -8, 1 + 3 * 2 ** -8, 1 + 2 ** -8 + 2 ** -20, Number.NaN];
    expect(await take(device.from(values, [4], 'bf16'))).toEqual([
      1,
      1 + 2 ** -6,
      1 + 2 ** -7,
      Number.NaN,
    ]);
  });

  test('takes bf16 values as bits', async () => {
    expect(await take(device.from(Uint16Array.of(0x3f80, 0xc000), [2], 'bf16'))).toEqual([1, -2]);
  });

  test('has the dtype of the array it is made of', () => {
    scope(() => {
      expect(device.from([1]).dtype).toBe('f32');
      expect(device.from(Float64Array.of(1)).dtype).toBe('f32');
      expect(device.from(Int32Array.of(1)).dtype).toBe('i32');
      expect(device.from(Int8Array.of(1)).dtype).toBe('i8');
    });
  });

  test('is written to in the order of calls', async () => {
    const x = device.zeros([3]);
    const before = x.read();
    x.write([1, 2, 3]);
    const after = x.read();
    x.write([4, 5, 6]);
    expect([...(await before)]).toEqual([0, 0, 0]);
    expect([...(await after)]).toEqual([1, 2, 3]);
    expect(await take(x)).toEqual([4, 5, 6]);
  });

  test('takes the values as they are when it is written', async () => {
    const values = Float32Array.of(1, 2, 3);
    const x = device.from(values, [3]);
    values.fill(9);
    expect(await take(x)).toEqual([1, 2, 3]);
  });

  test.each([100, 5000, 1_000_003])(
    'gives back %i values while the queue is busy',
    async (count) => {
      const busy = device.full([1 << 16], 1);
      const values = Float32Array.from({ length: count }, (_, i) => i % 1021);
      for (let i = 0; i < 20; i++) device.run('fill', { y: busy, value: i });
      const x = device.from(values, [count]);
      busy.dispose();
      const read = await x.read();
      x.dispose();
      expect(Buffer.from(read.buffer).equals(Buffer.from(values.buffer))).toBe(true);
    },
  );

  test('shares its memory with its slices and reshapes', async () => {
    const x = device.from([1, 2, 3, 4, 5, 6], [3, 2]);
    const rows = x.slice(1, 3);
    const flat = rows.reshape([4]);
    expect(rows.shape).toEqual([2, 2]);
    expect(await take(flat)).toEqual([3, 4, 5, 6]);
    rows.write([7, 8, 9, 10]);
    expect(await take(x)).toEqual([1, 2, 7, 8, 9, 10]);
    expect(device.memory()).toMatchObject({ tensors: 1, storages: 1 });
    expect(await take(rows)).toEqual([7, 8, 9, 10]); // also after the whole is gone
  });

  test('is read by several at once', async () => {
    const x = device.from([1, 2]);
    const reads = await Promise.all([x.read(), x.read(), x.read()]);
    x.dispose();
    expect(reads.map((values) => [...values])).toEqual([
      [1, 2],
      [1, 2],
      [1, 2],
    ]);
  });

  test('may be disposed of twice, and while it is being read', async () => {
    const x = device.from([1, 2]);
    const read = x.read();
    x.dispose();
    x.dispose();
    const y = device.full([2], 9); // perhaps on the same memory
    expect([...(await read)]).toEqual([1, 2]);
    y.dispose();
  });

  const refuses = (what: string, call: (x: Tensor) => unknown, code: string, message: string) =>
    test(`refuses ${what}`, () => {
      scope(() => {
        const x = device.from([1, 2, 3, 4, 5, 6], [3, 2]);
        expect(() => call(x)).toThrow(
          expect.objectContaining({ name: 'StylearError', code, message }),
        );
      });
    });
  refuses(
    'rows outside of the first axis',
    (x) => x.slice(1, 4),
    'ERR_VALUE',
    'slice: expected rows to be a part of [0, 3), got [1, 4)',
  );
  refuses(
    'rows that are no integers',
    (x) => x.slice(0, 1.5),
    'ERR_VALUE',
    'slice: expected rows to be a part of [0, 3), got [0, 1.5)',
  );
  refuses(
    'a shape of another size',
    (x) => x.reshape([7]),
    'ERR_SHAPE',
    'reshape: expected shape to hold 6 elements as [3, 2] does, got [7]',
  );
  refuses(
    'a rank of 0',
    () => device.tensor([]),
    'ERR_SHAPE',
    'tensor: expected shape to be of rank 1 to 6, got rank 0',
  );
  refuses(
    'a rank of 7',
    () => device.tensor([1, 1, 1, 1, 1, 1, 1]),
    'ERR_SHAPE',
    'tensor: expected shape to be of rank 1 to 6, got rank 7',
  );
  refuses(
    'extents below 1 and fractions',
    () => device.tensor([2, 0, 1.5]),
    'ERR_SHAPE',
    'tensor: expected shape to be of positive integers, of at most 2^52 elements, got [2, 0, 1.5]',
  );
  refuses(
    'more elements than there can be',
    () => device.tensor([2 ** 40, 2 ** 20]),
    'ERR_SHAPE',
    'tensor: expected shape to be of positive integers, of at most 2^52 elements, got [1.09951e+12, 1.04858e+06]',
  );
  refuses(
    'a dtype that there is not',
    () => device.tensor([1], 'f16' as Dtype),
    'ERR_DTYPE',
    'tensor: expected dtype to be one of f32, bf16, i32, i8, got f16',
  );
  refuses(
    'what an i8 has no room for',
    () => device.full([1], 300, 'i8'),
    'ERR_VALUE',
    'full: expected value to be from -128 to 127, as i8 has room for, got 300',
  );
  refuses(
    'what an i32 has no room for',
    () => device.full([1], Number.NaN, 'i32'),
    'ERR_VALUE',
    'full: expected value to be from -2147483648 to 2147483647, as i32 has room for, got NaN',
  );
  refuses(
    'too few values',
    () => device.from([1, 2], [3]),
    'ERR_SHAPE',
    'write: expected values to be 3 for [3], got 2',
  );
  refuses(
    'fractions for integers',
    () => device.from([1, 2.5], [2], 'i32'),
    'ERR_VALUE',
    'write: expected values to be i32, got 2.5 at index 1',
  );
  test('refuses more memory than there is', () => {
    expect(() => device.tensor([2 ** 30, 2 ** 20])).toThrow(
      expect.objectContaining({
        code: 'ERR_OUT_OF_MEMORY',
        message: expect.stringMatching(
          /^allocate: expected 4503599627370496 bytes to be free, got none beside the \d+ bytes in use/,
        ),
      }),
    );
  });

  test('names itself when it is used after it was disposed of', () => {
    const x = device.zeros([2]);
    x.dispose();
    const disposed = (where: string) => ({
      code: 'ERR_DISPOSED',
      message: `${where} to be live, got one that was disposed`,
    });
    expect(x.disposed).toBe(true);
    expect(() => device.run('fill', { y: x, value: 0 })).toThrow(
      expect.objectContaining({
        code: 'ERR_DISPOSED',
        message: 'fill: expected y to be a live tensor, got one that was disposed',
      }),
    );
    expect(() => x.slice(0, 1)).toThrow(
      expect.objectContaining(disposed('slice: expected the tensor')),
    );
    expect(() => x.reshape([1, 2])).toThrow(
      expect.objectContaining(disposed('reshape: expected the tensor')),
    );
    expect(() => x.write([1, 2])).toThrow(
      expect.objectContaining(disposed('write: expected the tensor')),
    );
    return expect(x.read()).rejects.toThrow(
      expect.objectContaining(disposed('read: expected the tensor')),
    );
  });

  test('refuses a tensor of another device, by name', async () => {
    const other: Device = await openDevice('cpu');
    const x = other.zeros([2]);
    expect(() => device.run('fill', { y: x, value: 0 })).toThrow(
      `fill: expected y to be on ${device.name}, got a tensor on ${other.name}`,
    );
    await other.close();
  });
});
