import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { permute, StylearError, scope, Weights, writeSafetensors } from '../../lib/index.ts';
import { onEveryDevice } from '../support/on_every_device.ts';
import { archive, dict, floats, pickle, storage, tensor } from './torch_writer.ts';

const folder = mkdtempSync(join(tmpdir(), 'stylear-weights-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = join(folder, 'model.safetensors');

const bytesOf = (values: NodeJS.TypedArray) =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
const stored = (
  dtype: 'F32' | 'BF16' | 'F16' | 'F64' | 'I64' | 'U8' | 'I8' | 'I32',
  shape: number[],
  values: NodeJS.TypedArray | BigInt64Array,
) => ({ dtype, shape, elements: () => bytesOf(values as NodeJS.TypedArray) });

await writeSafetensors(
  file,
  new Map([
    ['layers.3.weight', stored('F32', [2, 3], Float32Array.of(1, 2, 3, 4, 5, 6.001))],
    ['layers.3.half', stored('F16', [4], Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x7bff))],
    ['layers.30.brain', stored('BF16', [2], Uint16Array.of(0x3f80, 0xc000))],
    ['wide', stored('F64', [1], Float64Array.of(1.5))],
    ['ids', stored('I64', [3], BigInt64Array.of(-1n, 2n, 3n))],
    ['large', stored('I64', [1], BigInt64Array.of(2n ** 31n))],
    ['mask', stored('U8', [2], Uint8Array.of(0, 255))],
    ['codes', stored('I8', [2], Int8Array.of(-128, 127))],
    ['tokens', stored('I32', [1], Int32Array.of(7))],
    ['scale', stored('F32', [], Float32Array.of(2.5))],
    [
      'kernel',
      stored(
        'F32',
        [2, 2, 1, 3],
        Float32Array.from({ length: 12 }, (_, i) => i),
      ),
    ],
    ['rows', stored('I8', [2, 3], Int8Array.of(1, 2, 3, 4, 5, 6))],
    ['rows_scale', stored('F32', [2], Float32Array.of(0.5, 2))],
  ]),
);

onEveryDevice('Weights', (device) => {
  const open = (dtype: 'keep' | 'f32' | 'bf16' = 'keep') => Weights.open(file, device, { dtype });

  test('reads by path what the file has', async () => {
    using w = open();
    const weight = w.at('layers').at(3).tensor('weight', [2, 3]);
    expect([weight.dtype, weight.shape]).toEqual(['f32', [2, 3]]);
    expect(await weight.read()).toEqual(Float32Array.of(1, 2, 3, 4, 5, 6.001));
    expect(w.at('layers').at(3).tensor('weight', [2, 3])).toBe(weight);
  });

  test.each([
    ['layers.3.half', [4], 'f32', [1, -2, 2 ** -24, 65504]],
    ['layers.30.brain', [2], 'bf16', [1, -2]],
    ['wide', [1], 'f32', [1.5]],
    ['ids', [3], 'i32', [-1, 2, 3]],
    ['mask', [2], 'i32', [0, 255]],
    ['codes', [2], 'i8', [-128, 127]],
    ['tokens', [1], 'i32', [7]],
  ] as const)('keeps %s as it is', async (name, shape, dtype, values) => {
    using w = open();
    const x = w.tensor(name, shape);
    expect(x.dtype).toBe(dtype);
    expect([...(await x.read())]).toEqual(values);
  });

  test('gives a convolution the layout of its op, and the file its own', async () => {
    using w = open();
    const kernel = w.tensor('kernel', [2, 2, 1, 3], undefined, { layout: 'convolution' });
    expect(kernel.shape).toEqual([2, 1, 3, 2]);
    expect([...(await kernel.read())]).toEqual([0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11]);
    const copy = join(folder, 'kernel.safetensors');
    await w.save(copy);
    using again = Weights.open(copy, device);
    expect([...(await again.tensor('kernel', [2, 2, 1, 3]).read())]).toEqual([
      0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
    ]);
  });

  test('makes floats of the 8-bit kernels of a convolution', async () => {
    const path = join(folder, 'small.safetensors');
    await writeSafetensors(
      path,
      new Map([
        [
          'small',
          stored(
            'I8',
            [2, 2, 1, 3],
            Int8Array.from({ length: 12 }, (_, i) => i - 6),
          ),
        ],
        ['small_scale', stored('F32', [2], Float32Array.of(0.5, 2))],
        ['bare', stored('I8', [1, 2, 1, 2], Int8Array.of(1, 2, 3, 4))],
        ['rows', stored('I8', [2, 3], Int8Array.of(1, 2, 3, 4, 5, 6))],
        ['rows_scale', stored('F32', [2], Float32Array.of(0.5, 2))],
      ]),
    );
    using w = Weights.open(path, device);
    expect(w.unread()).toContain('small_scale');
    const kernel = w.tensor('small', [2, 2, 1, 3], undefined, { layout: 'convolution' });
    expect([kernel.dtype, kernel.shape]).toEqual(['f32', [2, 1, 3, 2]]);
    expect([...(await kernel.read())]).toEqual([-3, -1.5, -2.5, -1, -2, -0.5, 0, 6, 2, 8, 4, 10]);
    expect(w.names()).toEqual(['small']);
    expect(w.unread()).toEqual(['bare', 'rows', 'rows_scale']);
    expect(() => w.tensor('bare', [1, 2, 1, 2], undefined, { layout: 'convolution' })).toThrow(
      'expected tensor bare_scale to be [1], got no such tensor',
    );
  });

  test('uses the kernel of one pixel in place on the CPU', async () => {
    const path = join(folder, 'pixel.safetensors');
    const pixel = stored('F32', [2, 3, 1, 1], Float32Array.of(0, 1, 2, 3, 4, 5));
    await writeSafetensors(path, new Map([['pixel', pixel]]));
    using w = Weights.open(path, device);
    const before = device.memory().liveBytes;
    const kernel = w.tensor('pixel', [2, 3, 1, 1], undefined, { layout: 'convolution' });
    expect(kernel.shape).toEqual([2, 1, 1, 3]);
    if (device.name.startsWith('cpu')) expect(device.memory().liveBytes).toBe(before);
    expect([...(await kernel.read())]).toEqual([0, 1, 2, 3, 4, 5]);
  });

  test('says when a tensor is asked for in another layout', () => {
    using w = open();
    w.tensor('kernel', [2, 2, 1, 3], undefined, { layout: 'convolution' });
    expect(() => w.tensor('kernel', [2, 2, 1, 3])).toThrow(
      'tensor kernel to be of layout convolution, got dense the second time',
    );
    expect(() => w.tensor('kernel', [2, 1, 3, 2], undefined, { layout: 'convolution' })).toThrow(
      'tensor kernel to be [2, 2, 1, 3], got [2, 1, 3, 2] the second time',
    );
  });

  test('draws a convolution as it does any other tensor', async () => {
    using a = Weights.fresh(device, { seed: 4 });
    using b = Weights.fresh(device, { seed: 4 });
    const dense = await a.tensor('x', [3, 2, 2, 2], { normal: 1 }).read();
    const kernel = b.tensor('x', [3, 2, 2, 2], { normal: 1 }, { layout: 'convolution' });
    using back = permute(kernel, [0, 3, 1, 2]);
    expect(await back.read()).toEqual(dense);
  });

  test('saves 8-bit rows as it read them', async () => {
    using w = open();
    w.rows('rows', [2, 3]);
    const copy = join(folder, 'rows.safetensors');
    await w.save(copy);
    using again = Weights.open(copy, device);
    expect(again.rows('rows', [2, 3])).toMatchObject({ weight: { dtype: 'i8' } });
    again.requireAllRead();
  });

  test('gives 8-bit rows with their scales, and others as they are', async () => {
    using w = open('bf16');
    const rows = w.rows('rows', [2, 3]);
    if (!('scale' in rows)) throw new Error('expected 8-bit rows');
    expect([...(await rows.weight.read())]).toEqual([1, 2, 3, 4, 5, 6]);
    expect(rows.scale.dtype).toBe('f32');
    expect([...(await rows.scale.read())]).toEqual([0.5, 2]);
    expect(w.rows('layers.3.weight', [2, 3])).toBe(w.tensor('layers.3.weight', [2, 3]));
  });

  test('gives a tensor a dtype of its own where the module asks for it', () => {
    using w = open('bf16');
    expect(w.tensor('layers.3.weight', [2, 3], undefined, { dtype: 'f32' }).dtype).toBe('f32');
  });

  test('gives all floats, and no integers, the dtype that is asked for', async () => {
    using half = open('bf16');
    const weight = half.tensor('layers.3.weight', [2, 3]);
    expect(weight.dtype).toBe('bf16');
    expect([...(await weight.read())]).toEqual([1, 2, 3, 4, 5, 6]);
    expect(half.tensor('layers.3.half', [4]).dtype).toBe('bf16');
    expect(half.tensor('ids', [3]).dtype).toBe('i32');
    using full = open('f32');
    const brain = full.tensor('layers.30.brain', [2]);
    expect(brain.dtype).toBe('f32');
    expect([...(await brain.read())]).toEqual([1, -2]);
  });

  test('uses the file in place on the CPU', () => {
    if (!device.name.startsWith('cpu')) return;
    using w = open();
    const before = device.memory().liveBytes;
    w.tensor('layers.3.weight', [2, 3]);
    w.tensor('layers.30.brain', [2]);
    expect(device.memory().liveBytes).toBe(before);
  });

  test('says which tensor of which file is missing, and what it must be', () => {
    using w = open();
    expect(() => w.at('layers').at(4).tensor('weight', [2, 3])).toThrow(
      new StylearError(
        'ERR_WEIGHTS',
        `${file}: expected tensor layers.4.weight to be [2, 3], got no such tensor among ` +
          '"layers.3.weight", "layers.3.half", "layers.30.brain" and 10 more',
      ),
    );
  });

  test('names those of a file that end like the missing one', async () => {
    const path = join(folder, 'wrapped.safetensors');
    const one = stored('I8', [1], Int8Array.of(1));
    const names = ['step', 'module.a.bias', 'module.a.weight', 'module.b.a.bias'];
    await writeSafetensors(path, new Map(names.map((name) => [name, one])));
    using w = Weights.open(path, device);
    expect(() => w.at('a').tensor('weight', [1])).toThrow(
      'got no such tensor among "module.a.weight", "module.a.bias", "module.b.a.bias" and 1 more',
    );
    expect(() => w.at('b.a').tensor('bias', [1])).toThrow(
      'got no such tensor among "module.b.a.bias", "module.a.bias", "module.a.weight" and 1 more',
    );
  });

  test('says which tensor has another shape', () => {
    using w = open();
    expect(() => w.at('layers').at(3).tensor('weight', [3, 2])).toThrow(
      `${file}: expected tensor layers.3.weight to be [3, 2], got [2, 3]`,
    );
    w.tensor('codes', [2]);
    expect(() => w.tensor('codes', [1, 2])).toThrow('to be [2], got [1, 2] the second time');
  });

  test('refuses integers beyond 32 bits', () => {
    using w = open();
    expect(() => w.tensor('large', [1])).toThrow(
      `${file}: expected tensor "large" to be of integers that fit 32 bits, got larger ones`,
    );
  });

  test('says which tensors nobody asked for', () => {
    using w = open();
    const layer = w.at('layers').at(3);
    layer.tensor('weight', [2, 3]);
    expect(layer.unread()).toEqual(['layers.3.half']);
    expect(() => layer.requireAllRead()).toThrow(
      `${file}: expected layers.3 to have no tensors but the model's, got layers.3.half [4]`,
    );
    expect(() => w.requireAllRead()).toThrow('got codes [2], ids [3]');
    expect(() => w.requireAllRead()).toThrow(/ and \d more$/);
    layer.requireAllRead((name) => name.endsWith('half'));
  });

  test('knows every tensor that was asked for', () => {
    using w = open();
    const codes = w.tensor('codes', [2]);
    w.at('layers').at(3).tensor('weight', [2, 3]);
    w.at('layers').at(30).tensor('brain', [2]);
    expect(w.names()).toEqual(['codes', 'layers.3.weight', 'layers.30.brain']);
    expect(w.at('layers').at(3).names()).toEqual(['layers.3.weight']);
    expect(w.entries()[0]).toEqual(['codes', codes]);
    expect([w.has('layers'), w.at('layers').has('3'), w.has('lay'), w.has('ids')]).toEqual([
      true,
      true,
      false,
      true,
    ]);
    expect(w.shapeOf('ids')).toEqual([3]);
  });

  test('outlives the scope it is asked in, and the file', async () => {
    using w = open();
    scope(() => {
      w.tensor('layers.3.weight', [2, 3]);
    });
    w.close();
    expect((await w.tensor('layers.3.weight', [2, 3]).read())[1]).toBe(2);
    expect(() => w.tensor('ids', [3])).toThrow('got no such tensor');
  });

  test('reads a torch file, views too', async () => {
    const six = storage({ count: 6 });
    const data = pickle(dict(['a', tensor(six, [3], [1], 2)], ['t', tensor(six, [3, 2], [1, 3])]));
    const path = join(folder, `${device.name}.pth`);
    writeFileSync(path, archive(data, { 0: floats(6) }));
    using w = Weights.open(path, device);
    expect([...(await w.tensor('a', [3]).read())]).toEqual([2, 3, 4]);
    expect([...(await w.tensor('t', [3, 2]).read())]).toEqual([0, 3, 1, 4, 2, 5]);
    w.requireAllRead();
  });

  test('takes several files for one tree, and changes their names', async () => {
    const adapter = join(folder, 'adapter.safetensors');
    const one = stored('F32', [1], Float32Array.of(9));
    await writeSafetensors(
      adapter,
      new Map([
        ['module.a', one],
        ['b', one],
      ]),
    );
    using w = Weights.open(
      [file, { path: adapter, removePrefix: 'module.', addPrefix: 'lora.' }],
      device,
    );
    expect([...(await w.at('lora').tensor('a', [1]).read())]).toEqual([9]);
    expect([w.has('lora.b'), w.has('layers.3.weight')]).toEqual([true, true]);
    expect(() => w.tensor('none', [1])).toThrow(`${file} and ${adapter}: expected tensor none`);
    expect(() => w.at('lora').requireAllRead()).toThrow(
      "no tensors but the model's, got lora.b [1]",
    );
  });

  test('refuses two files with a tensor of one name', () => {
    const link = join(folder, 'again.safetensors');
    if (!existsSync(link)) symlinkSync(file, link);
    expect(() => Weights.open([file, link], device)).toThrow(
      /again\.safetensors: expected tensor ".+" to be in this file alone, got one in .+ too$/,
    );
  });

  test('leaves no file open that it could not take', () => {
    const open = () => readdirSync('/proc/self/fd').length;
    const before = open();
    expect(() => Weights.open([file, join(folder, 'none.safetensors')], device)).toThrow('ENOENT');
    expect(open()).toBe(before);
  });

  test('takes saved numbers of positions for no part of a model', async () => {
    const path = join(folder, 'positions.safetensors');
    const ids = stored('I64', [1, 2], BigInt64Array.of(0n, 1n));
    await writeSafetensors(path, new Map([['text_model.embeddings.position_ids', ids]]));
    using w = Weights.open(path, device);
    w.requireAllRead();
    w.at('text_model').requireAllRead();
    expect(w.unread()).toHaveLength(1);
  });

  test('opens a folder whose files are links out of it, as caches of downloads have', async () => {
    const cache = mkdtempSync(join(folder, 'cache'));
    const [blobs, snapshot] = [join(cache, 'blobs'), join(cache, 'snapshots', '0123')];
    mkdirSync(blobs);
    mkdirSync(snapshot, { recursive: true });
    const one = stored('F32', [1], Float32Array.of(9));
    await writeSafetensors(join(blobs, 'aa'), new Map([['x', one]]));
    const index = JSON.stringify({ weight_map: { x: 'model-00001-of-00001.safetensors' } });
    writeFileSync(join(blobs, 'bb'), index);
    symlinkSync('../../blobs/aa', join(snapshot, 'model-00001-of-00001.safetensors'));
    symlinkSync('../../blobs/bb', join(snapshot, 'model.safetensors.index.json'));
    using w = Weights.open(snapshot, device);
    expect([...(await w.tensor('x', [1]).read())]).toEqual([9]);
  });

  test('opens a folder by the file in it', () => {
    using w = Weights.open(folder, device);
    expect(w.tensor('codes', [2]).shape).toEqual([2]);
    const empty = mkdtempSync(join(folder, 'empty'));
    expect(() => Weights.open(empty, device)).toThrow('the index of one, got none of these');
    expect(() => Weights.open(join(folder, 'none.pth'), device)).toThrow(
      'to be readable, got ENOENT',
    );
  });

  test.each(['f32', 'bf16'] as const)('is saved and read again in %s', async (dtype) => {
    const path = join(folder, `${device.name} ${dtype}.safetensors`);
    using made = Weights.fresh(device, { dtype, seed: 3 });
    const x = made.at('x').tensor('weight', [5, 7], { normal: 0.5 });
    await made.save(path, { step: '3' });
    using w = Weights.open(path, device);
    const y = w.at('x').tensor('weight', [5, 7]);
    expect(y.dtype).toBe(dtype);
    expect(await y.read()).toEqual(await x.read());
  });

  test('can be written to where that is asked for, and leaves the file as it is', async () => {
    for (const [name, shape] of [
      ['layers.3.weight', [2, 3]],
      ['layers.30.brain', [2]],
      ['tokens', [1]],
    ] as const) {
      using w = Weights.open(file, device, { writable: true });
      const x = w.tensor(name, shape);
      const before = await x.read();
      x.write(new Float32Array(before.length).fill(5));
      expect(await x.read()).toEqual(before.map(() => 5));
      using again = open();
      expect(await again.tensor(name, shape).read()).toEqual(before);
    }
  });

  test('has a number by itself as one element, and saves it by itself', async () => {
    using w = open();
    expect((await w.tensor('scale', []).read())[0]).toBe(2.5);
    expect(() => w.tensor('scale', [1])).toThrow('to be [], got [1] the second time');
    expect(() => w.tensor('codes', [])).toThrow('tensor codes to be [], got [2]');
    using made = Weights.fresh(device);
    expect(made.tensor('scale', [], { constant: 3 }).shape).toEqual([1]);
    const path = join(folder, `${device.name} scale.safetensors`);
    await made.save(path);
    using again = Weights.open(path, device);
    expect(again.shapeOf('scale')).toEqual([]);
    expect((await again.tensor('scale', []).read())[0]).toBe(3);
  });

  describe('initialised', () => {
    const draw = async (init: { normal: number } | { uniform: number }, name = 'x', seed = 1) => {
      using w = Weights.fresh(device, { seed });
      return w.tensor(name, [64, 64], init).read();
    };

    test('is zeros, or the constant', async () => {
      using w = Weights.fresh(device);
      expect(await w.tensor('x', [2]).read()).toEqual(Float32Array.of(0, 0));
      expect(await w.tensor('y', [2], { constant: 1 }).read()).toEqual(Float32Array.of(1, 1));
      expect(w.unread()).toEqual([]);
    });

    test('depends on the seed and the name, not on what else is made', async () => {
      const one = await draw({ normal: 1 });
      using w = Weights.fresh(device, { seed: 1 });
      w.tensor('other', [9], { normal: 1 });
      expect(await w.tensor('x', [64, 64], { normal: 1 }).read()).toEqual(one);
      expect(await draw({ normal: 1 }, 'y')).not.toEqual(one);
      expect(await draw({ normal: 1 }, 'x', 2)).not.toEqual(one);
    });

    test.each([
      ['normal', { normal: 2 }, 2, Infinity],
      ['uniform', { uniform: 3 }, Math.sqrt(3), 3],
    ] as const)('is %s as told', async (_, init, deviation, bound) => {
      const values = [...(await draw(init))];
      const mean = values.reduce((a, b) => a + b) / values.length;
      const square = values.reduce((a, b) => a + b * b, 0) / values.length;
      // 4,096 draws: the mean is off by deviation / 64, the deviation by deviation / 90; four times.
      expect(Math.abs(mean)).toBeLessThan(deviation / 16);
      expect(Math.abs(Math.sqrt(square) - deviation)).toBeLessThan(deviation / 20);
      expect(Math.max(...values.map(Math.abs))).toBeLessThanOrEqual(bound);
    });
  });
});
