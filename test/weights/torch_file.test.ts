import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { inMemory } from '../../lib/weights/byte_source.ts';
import { decode } from '../../lib/weights/element_values.ts';
import { readElements } from '../../lib/weights/stored_tensor.ts';
import { readTorchFile } from '../../lib/weights/torch_file.ts';
import {
  archive,
  call,
  dict,
  floats,
  global,
  int,
  ints,
  legacy,
  list,
  no,
  none,
  orderedDict,
  pickle,
  storage,
  tensor,
  text,
  tuple,
} from './torch_writer.ts';

const read = (bytes: Uint8Array) => {
  const source = inMemory('x.pth', bytes);
  return { source, ...readTorchFile(source) };
};

const valuesOf = ({ source, tensors }: ReturnType<typeof read>, name: string) => {
  const stored = tensors.get(name)!;
  return [...decode(stored.dtype, readElements(source, stored))!];
};

const six = storage({ count: 6 });
const forms = {
  'the zip form': (data: Buffer, content: Buffer) => archive(data, { 0: content }),
  'the zip form with zip64': (data: Buffer, content: Buffer) =>
    archive(data, { 0: content }, { zip64: true }),
  'the zip form without sizes after the content': (data: Buffer, content: Buffer) =>
    archive(data, { 0: content }, { descriptor: false }),
  'the older form': (data: Buffer, content: Buffer) => legacy(data, [['0', 6, content]]),
};

describe.each(Object.entries(forms))('a torch file in %s', (_, form) => {
  const one = (value: Buffer) => read(form(pickle(dict(['x', value])), floats(6)));
  const values = (value: Buffer) => {
    const file = one(value);
    return valuesOf(file, 'x');
  };

  test('gives tensors by offset where they are dense', () => {
    const file = one(tensor(six, [2, 2], [2, 1], 1));
    const { offset, ...rest } = file.tensors.get('x')!;
    expect(rest).toEqual({ dtype: 'F32', shape: [2, 2], bytes: 16 });
    expect(file.source.read(offset, 4).readFloatLE()).toBe(1);
  });

  test.each([
    ['a transposed one', [3, 2], [1, 3], 0, [0, 3, 1, 4, 2, 5]],
    ['every second element', [3], [2], 1, [1, 3, 5]],
    ['a window that overlaps itself', [3, 2], [1, 1], 2, [2, 3, 3, 4, 4, 5]],
    ['a repeated element', [4], [0], 5, [5, 5, 5, 5]],
    ['a scalar', [], [], 4, [4]],
    ['an empty one', [0, 3], [3, 1], 6, []],
    ['an axis of one with any stride', [1, 3], [77, 1], 0, [0, 1, 2]],
  ] as const)('gives %s row by row', (_name, shape, strides, offset, expected) => {
    expect(values(tensor(six, shape, strides, offset))).toEqual(expected);
  });

  test('takes one for dense whose only odd stride is that of an axis of one', () => {
    const file = one(tensor(six, [1, 3], [77, 1]));
    expect(file.tensors.get('x')).not.toHaveProperty('strides');
  });

  test('names tensors by the keys of what they are in', () => {
    const x = tensor(six, [6], [1]);
    const file = read(
      form(pickle(dict(['a', list(x, dict(['b', x]))], ['epoch', int(3)], ['c.d', x])), floats(6)),
    );
    expect([...file.tensors.keys()]).toEqual(['a.0', 'a.1.b', 'c.d']);
  });

  test('reads the state dict of a checkpoint alone', () => {
    const x = tensor(six, [6], [1]);
    const state = dict(['w', x]);
    const file = read(form(pickle(dict(['optimizer', list(x)], ['state_dict', state])), floats(6)));
    expect([...file.tensors.keys()]).toEqual(['w']);
  });

  test('says how to save the tensors alone where there is more than them', () => {
    const settings = call(global('argparse', 'Namespace'));
    const bytes = archive(pickle(dict(['hyper_parameters', settings])));
    expect(() => read(bytes)).toThrow(
      'to be of tensors and plain containers, got the name "argparse.Namespace". ' +
        'Save the tensors alone if you trust the file, in Python: ' +
        'c = torch.load("old", map_location="cpu", weights_only=False); ' +
        'torch.save(c.get("state_dict", c), "new").',
    );
  });

  test('takes parameters, and the state of ordered dicts', () => {
    const x = call(global('torch._utils', '_rebuild_parameter'), tensor(six, [6], [1]), no, none);
    const data = pickle(orderedDict, '(', text('w'), x, 'u', dict(['_metadata', orderedDict]), 'b');
    expect([...read(form(data, floats(6))).tensors.keys()]).toEqual(['w']);
  });

  test('has any view that lies in its storage, and no other', () => {
    const extent = fc.integer({ min: 0, max: 4 });
    const axis = fc.tuple(extent, fc.integer({ min: 0, max: 4 }));
    const property = fc.property(
      fc.array(axis, { maxLength: 3 }),
      fc.integer({ min: 0, max: 7 }),
      (axes, offset) => {
        const shape = axes.map(([n]) => n);
        const strides = axes.map(([, stride]) => stride);
        let expected = [offset];
        axes.forEach(([n, stride]) => {
          expected = expected.flatMap((v) => Array.from({ length: n }, (_, i) => v + i * stride));
        });
        const fits = expected.length <= 6 && offset <= 6 && expected.every((v) => v < 6);
        const view = tensor(six, shape, strides, offset);
        if (fits) expect(values(view)).toEqual(expected);
        else expect(() => one(view)).toThrow(/inside the 6 elements of its storage/);
      },
    );
    fc.assert(property, { numRuns: 300, seed: 1 });
  });
});

const dtypes = [
  ['FloatStorage', 'F32', 4],
  ['DoubleStorage', 'F64', 8],
  ['HalfStorage', 'F16', 2],
  ['BFloat16Storage', 'BF16', 2],
  ['LongStorage', 'I64', 8],
  ['IntStorage', 'I32', 4],
  ['ShortStorage', 'I16', 2],
  ['CharStorage', 'I8', 1],
  ['ByteStorage', 'U8', 1],
  ['BoolStorage', 'BOOL', 1],
] as const;

test.each(dtypes)('a %s holds %s', (type, dtype, width) => {
  const x = tensor(storage({ type, count: 3 }), [3], [1]);
  const file = read(archive(pickle(dict(['x', x])), { 0: Buffer.alloc(3 * width) }));
  expect(file.tensors.get('x')).toMatchObject({ dtype, bytes: 3 * width });
});

test.each(['torch', 'torch.storage'])(
  'an untyped storage of %s takes the tensor’s dtype',
  (module) => {
    const x = call(
      global('torch._utils', '_rebuild_tensor_v3'),
      storage({ type: 'UntypedStorage', module, count: 6 }),
      int(1),
      ints([2]),
      ints([1]),
      no,
      orderedDict,
      global('torch', 'uint16'),
    );
    const file = read(archive(pickle(dict(['x', x])), { 0: Buffer.from([0, 0, 1, 0, 2, 1]) }));
    expect(file.tensors.get('x')?.dtype).toBe('U16');
    expect(valuesOf(file, 'x')).toEqual([1, 258]);
  },
);

test('an older file may name a view of a storage', () => {
  const view = tuple(text('v'), int(2), int(3));
  const x = tensor(storage({ count: 6, view }), [3], [1]);
  const file = read(legacy(pickle(dict(['x', x])), [['0', 6, floats(6)]]));
  expect(valuesOf(file, 'x')).toEqual([2, 3, 4]);
  const outside = tensor(storage({ count: 6, view: tuple(text('v'), int(4), int(3)) }), [3], [1]);
  expect(() => read(legacy(pickle(dict(['x', outside])), [['0', 6, floats(6)]]))).toThrow(
    'x.pth: expected a view of storage "0" to be inside its 6 elements, got another',
  );
});

test('a tensor stored twice under one name is refused', () => {
  const x = tensor(six, [6], [1]);
  const data = pickle(dict(['a', dict(['b', x])], ['a.b', x]));
  expect(() => read(archive(data, { 0: floats(6) }))).toThrow('tensor "a.b" to be one, got two');
});
