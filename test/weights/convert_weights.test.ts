import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { inMemory } from '../../lib/weights/byte_source.ts';
import { type ConvertOptions, convertWeights } from '../../lib/weights/convert_weights.ts';
import type { ConvertedTensor } from '../../lib/weights/converted_tensor.ts';
import { decode } from '../../lib/weights/element_values.ts';
import { readSafetensors } from '../../lib/weights/safetensors.ts';
import type { StoredDtype } from '../../lib/weights/stored_tensor.ts';
import { writeSafetensors } from '../../lib/weights/write_safetensors.ts';
import { normal } from '../support/numbers.ts';
import { archive, dict, floats, pickle, storage, tensor } from './torch_writer.ts';

const folder = mkdtempSync(join(tmpdir(), 'stylear-convert-'));
afterAll(() => rmSync(folder, { recursive: true }));
const output = join(folder, 'out.safetensors');

const stored = (dtype: StoredDtype, shape: readonly number[], values: NodeJS.TypedArray) => ({
  dtype,
  shape,
  elements: () => new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
});

/** A matrix whose rows differ in size by powers of ten. */
const draw = normal(1);
const matrix = Float32Array.from(
  { length: 40 * 50 },
  (_, i) => draw() * 10 ** (Math.floor(i / 50) % 5),
);
const input = join(folder, 'in.safetensors');
await writeSafetensors(
  input,
  new Map([
    ['layer.weight', stored('F32', [40, 50], matrix)],
    ['layer.bias', stored('F32', [40], matrix.slice(0, 40))],
    ['embed_tokens.weight', stored('F32', [40, 50], matrix)],
    ['q_norm.weight', stored('F32', [1, 50], matrix.slice(0, 50))],
    ['half.weight', stored('BF16', [2, 2], Uint16Array.of(0x3f80, 0x4000, 0xbf80, 0))],
    ['f64', stored('F64', [2], Float64Array.of(1 + 2 ** -40, -3))],
    ['f16', stored('F16', [2], Uint16Array.of(0x3c01, 0x0001))],
    ['ids', stored('I32', [2], Int32Array.of(7, -7))],
    ['zeros.weight', stored('F32', [2, 3], new Float32Array(6))],
    ['conv.weight', stored('F32', [40, 5, 2, 5], matrix)],
    ['patch_embedding.weight', stored('F32', [4, 1, 2, 2], matrix.slice(0, 16))],
  ]),
);

async function convert(options: ConvertOptions = {}, from: string = input) {
  const reports: ConvertedTensor[] = [];
  const written = await convertWeights(from, output, {
    ...options,
    onConverted: (tensor) => reports.push(tensor),
  });
  const source = inMemory(output, readFileSync(output));
  const { tensors, metadata } = readSafetensors(source);
  const values = (name: string) => {
    const { dtype, offset, bytes } = tensors.get(name)!;
    return [...decode(dtype, source.read(offset, bytes))!];
  };
  const dtypes = Object.fromEntries([...tensors].map(([name, { dtype }]) => [name, dtype]));
  return { written, reports, tensors, metadata, values, dtypes };
}

describe('convertWeights', () => {
  test('keeps every element as it is', async () => {
    const { written, reports, dtypes, values, metadata } = await convert();
    expect(reports).toEqual([]);
    expect(written).toMatchObject({ files: [output], tensors: 11 });
    expect(dtypes).toMatchObject({ f64: 'F64', f16: 'F16', ids: 'I32', 'half.weight': 'BF16' });
    expect(values('layer.weight')).toEqual([...matrix]);
    expect(metadata.get('format')).toBe('pt');
    expect(readFileSync(output).equals(readFileSync(input))).toBe(false); // the metadata
    const again = await convert({}, output);
    expect(again.values('f16')).toEqual([1 + 2 ** -10, 2 ** -24]);
  });

  test('rounds all floats, and no integers, to bf16 and says what was lost', async () => {
    const { reports, dtypes, values } = await convert({ dtype: 'bf16' });
    expect(new Set(Object.values(dtypes))).toEqual(new Set(['BF16', 'I32']));
    expect(values('ids')).toEqual([7, -7]);
    const got = values('layer.weight');
    const errors = got.map((x, i) => Math.abs(x - matrix[i]!));
    const square = (values: readonly number[]) => values.reduce((sum, x) => sum + x * x, 0);
    expect(Math.max(...errors.map((e, i) => e / Math.abs(matrix[i]!)))).toBeLessThanOrEqual(
      2 ** -8,
    );
    const report = reports.find(({ name }) => name === 'layer.weight')!;
    expect(report).toMatchObject({ from: 'F32', to: 'BF16', shape: [40, 50] });
    expect(report.maxAbsError).toBe(Math.max(...errors));
    const relative = Math.sqrt(square(errors) / square([...matrix]));
    expect(Math.abs(report.relativeRms / relative - 1)).toBeLessThan(1e-12);
    // What has that dtype already is not among them; what has zeros lost nothing.
    expect(reports.map(({ name }) => name)).not.toContain('half.weight');
    expect(reports.find(({ name }) => name === 'zeros.weight')?.relativeRms).toBe(0);
  });

  test('widens to f32, and says what f64 lost', async () => {
    const { reports, values, dtypes } = await convert({ dtype: 'f32' });
    expect(values('half.weight')).toEqual([1, 2, -1, 0]);
    expect(dtypes).toMatchObject({ f64: 'F32', ids: 'I32' });
    const lost = Object.fromEntries(reports.map((r) => [r.name, r.maxAbsError]));
    expect(lost).toEqual({ 'half.weight': 0, f64: 2 ** -40, f16: 0 });
  });

  test('gives the matrices of linear layers and convolutions, and nothing else, 8-bit rows', async () => {
    const { reports, dtypes, values, tensors } = await convert({ dtype: 'int8' });
    expect(reports.map(({ name }) => name).sort()).toEqual([
      'conv.weight',
      'half.weight',
      'layer.weight',
      'zeros.weight',
    ]);
    expect(dtypes).toMatchObject({
      'layer.weight': 'I8',
      'layer.weight_scale': 'F32',
      'layer.bias': 'F32',
      'embed_tokens.weight': 'F32',
      'patch_embedding.weight': 'F32',
      'q_norm.weight': 'F32',
    });
    // A kernel's values are those of a row.
    expect(tensors.get('conv.weight')!.shape).toEqual([40, 5, 2, 5]);
    expect(values('conv.weight')).toEqual(values('layer.weight'));
    expect(values('conv.weight_scale')).toEqual(values('layer.weight_scale'));
    expect(tensors.get('layer.weight_scale')!.shape).toEqual([40]);
    const scales = values('layer.weight_scale');
    const rows = values('layer.weight');
    // Half a step of the row, and what rounding in f32 adds.
    rows.forEach((q, i) => {
      const scale = scales[Math.floor(i / 50)]!;
      expect(Math.abs(q * scale - matrix[i]!)).toBeLessThanOrEqual(scale * (0.5 + 1e-4));
    });
    expect(values('zeros.weight_scale')).toEqual([1, 1]);
    const { maxAbsError } = reports.find(({ name }) => name === 'layer.weight')!;
    expect(maxAbsError).toBeGreaterThan(Math.max(...scales) / 10);
  });

  test('turns 8-bit rows into floats again', async () => {
    const int8 = join(folder, 'int8.safetensors');
    await convertWeights(input, int8, { dtype: 'int8' });
    const kept = await convert({}, int8);
    const { dtypes, values } = await convert({ dtype: 'f32' }, int8);
    expect(dtypes).not.toHaveProperty('layer.weight_scale');
    const scales = kept.values('layer.weight_scale');
    const expected = kept
      .values('layer.weight')
      .map((q, i) => Math.fround(q * scales[Math.floor(i / 50)]!));
    expect(values('layer.weight')).toEqual(expected);
    expect(values('conv.weight')).toEqual(expected);
    expect(dtypes).not.toHaveProperty('conv.weight_scale');
    const half = await convert({ dtype: 'bf16' }, int8);
    expect(half.dtypes['layer.weight']).toBe('BF16');
    const again = await convert({ dtype: 'int8' }, int8);
    expect(again.reports).toEqual([]);
  });

  test('reads torch files, views too', async () => {
    const six = storage({ count: 6 });
    const data = pickle(dict(['a', tensor(six, [3, 2], [1, 3])]));
    const path = join(folder, 'x.pth');
    writeFileSync(path, archive(data, { 0: floats(6) }));
    expect((await convert({}, path)).values('a')).toEqual([0, 3, 1, 4, 2, 5]);
    expect((await convert({ dtype: 'bf16' }, path)).values('a')).toEqual([0, 3, 1, 4, 2, 5]);
  });

  test('refuses to round what is infinite to 8 bits, and leaves the old file', async () => {
    const path = join(folder, 'infinite.safetensors');
    const values = Float32Array.of(1, 2, 3, Infinity);
    await writeSafetensors(path, new Map([['x.weight', stored('F32', [2, 2], values)]]));
    writeFileSync(output, 'old');
    await expect(convertWeights(path, output, { dtype: 'int8' })).rejects.toThrow(
      `${path}: expected row 1 of tensor "x.weight" to be finite, to be rounded to 8 bits, got Infinity`,
    );
    expect(readFileSync(output, 'utf8')).toBe('old');
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  test('refuses a name that two tensors would have', async () => {
    const path = join(folder, 'taken.safetensors');
    const one = stored('F32', [1, 1], Float32Array.of(1));
    await writeSafetensors(
      path,
      new Map([
        ['x.weight', one],
        ['x.weight_scale', one],
      ]),
    );
    await expect(convertWeights(path, output, { dtype: 'int8' })).rejects.toThrow(
      `${path}: expected tensor "x.weight_scale" to be one, got two`,
    );
  });

  test('can take the place of what it reads', async () => {
    const path = join(folder, 'same.safetensors');
    await convertWeights(input, path);
    await convertWeights(path, path, { dtype: 'bf16' });
    expect((await convert({}, path)).dtypes['layer.weight']).toBe('BF16');
  });
});
