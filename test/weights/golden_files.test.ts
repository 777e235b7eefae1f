// Every checkpoint of the golden fixtures, where they are: STYLEAR_FIXTURES, or ../shared/fixtures
// beside the package. Without them these tests are skipped and say so.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type OpenFile, openFile } from '../../lib/weights/byte_source.ts';
import { decode } from '../../lib/weights/element_values.ts';
import { readSafetensors } from '../../lib/weights/safetensors.ts';
import { openShards } from '../../lib/weights/shard_index.ts';
import { readElements, type StoredTensors } from '../../lib/weights/stored_tensor.ts';
import { readTorchFile } from '../../lib/weights/torch_file.ts';
import { fixturesFolder as folder } from '../support/fixtures.ts';
import { stored as rounded } from '../support/numbers.ts';

const present = existsSync(folder);
const all = present ? readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort() : [];
const named = (pattern: RegExp) => all.filter((name) => pattern.test(name));
if (!present) console.log(`not tested here: the golden fixtures are not at ${folder}`);

/** Each tensor as the README says: dtype and shape, such as `F32 [2,3]`. */
const summary = ({ tensors }: StoredTensors) =>
  Object.fromEntries([...tensors].map(([name, t]) => [name, `${t.dtype} [${t.shape.join(',')}]`]));

function valuesOf(source: OpenFile, { tensors }: StoredTensors): Map<string, number[]> {
  const values = [...tensors].map(([name, tensor]): [string, number[]] => [
    name,
    [...decode(tensor.dtype, readElements(source, tensor))!],
  ]);
  return new Map(values);
}

function read(name: string): Map<string, number[]> {
  using source = openFile(join(folder, name));
  return valuesOf(
    source,
    (name.endsWith('.safetensors') ? readSafetensors : readTorchFile)(source),
  );
}

describe.skipIf(!present)('of the golden fixtures', () => {
  test.each(named(/\.safetensors$/))('%s has the tensors its README lists', (name) => {
    const [top, ...rest] = name.split('/');
    const about = JSON.parse(readFileSync(join(folder, top!, 'README.json'), 'utf8'));
    using source = openFile(join(folder, name));
    const got = summary(readSafetensors(source));
    expect(got).toEqual(about.files[rest.join('/')].tensors);
  });

  test.each(named(/index\.json$/))('%s opens its shards', (name) => {
    const shards = openShards(join(folder, name));
    const map = JSON.parse(readFileSync(join(folder, name), 'utf8')).weight_map;
    const tensors = shards.flatMap((shard) => [...shard.tensors.keys()]);
    for (const shard of shards) shard.source.close();
    expect(tensors.sort()).toEqual(Object.keys(map).sort());
  });

  test.each([
    ['resampler/image_proj.pth', 'f32'],
    ['resampler_options/image_proj.pth', 'f32'],
    ['resampler_options/image_proj_torch2.pth', 'f32'],
    ['resampler_options/image_proj_views.pth', 'f32'],
    ['resampler_options/image_proj_bf16.pth', 'bf16'],
  ] as const)('%s has the values of its safetensors, rounded to %s', (name, dtype) => {
    const got = read(name);
    const expected = read(name.replace(/image_proj.*/, 'image_proj.safetensors'));
    expect([...got.keys()].sort()).toEqual([...expected.keys()].sort());
    for (const [key, values] of expected) {
      expect(got.get(key)).toEqual(values.map((value) => rounded(value, dtype)));
    }
  });

  test('resampler_options/image_proj_f16.pth has the values of its safetensors, rounded', () => {
    const got = read('resampler_options/image_proj_f16.pth');
    const expected = read('resampler_options/image_proj.safetensors');
    for (const [key, values] of expected) {
      const halves = got.get(key)!;
      expect(halves.length).toBe(values.length);
      // Half a unit in the last of 11 bits, or of the smallest number there is.
      values.forEach((value, i) => {
        const most = Math.max(Math.abs(value) * 2 ** -11, 2 ** -25);
        expect(Math.abs(halves[i]! - value)).toBeLessThanOrEqual(most);
      });
    }
  });

  test.each(['vqgan', 'vqgan_f4'])('%s/ckpt/vqgan.ckpt has its networks', (name) => {
    const tensors = read(`${name}/ckpt/vqgan.ckpt`);
    for (const key of [
      'encoder.conv_in.weight',
      'decoder.conv_out.bias',
      'quantize.embedding.weight',
    ]) {
      expect(tensors.get(key)?.every(Number.isFinite)).toBe(true);
    }
    expect(tensors.size).toBeGreaterThan(100);
  });

  test.each(['train/image_proj.pth', 'e2e/stylear/image_proj.pth'])('%s is read', (name) => {
    expect(read(name).size).toBe(29);
  });
});
