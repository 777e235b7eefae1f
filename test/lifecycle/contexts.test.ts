// Values of another context of V8, as test runners and sandboxes make them: they are of other classes
// of the same names.
import { readFileSync } from 'node:fs';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import {
  decodePicture,
  encodePicture,
  makePicture,
  openDevice,
  StyleAR,
  StyleHandle,
  scope,
  type Tensor,
} from '../../lib/index.ts';

const elsewhere = (code: string, values: Record<string, unknown> = {}) =>
  runInNewContext(code, values) as never;

test.each([
  ['Float32Array', 'f32'],
  ['Int32Array', 'i32'],
  ['Int8Array', 'i8'],
])('takes a %s of another context for a tensor', async (type, dtype) => {
  await using device = await openDevice('cpu');
  const tensor = device.from(elsewhere(`${type}.of(1, -2, 3)`));
  expect(tensor.dtype).toBe(dtype);
  expect([...(await tensor.read())]).toEqual([1, -2, 3]);
});

test('takes the patterns of bf16 of another context as they are', async () => {
  await using device = await openDevice('cpu');
  const tensor = device.from(elsewhere('Uint16Array.of(0x3f80, 0xc000)'), [2], 'bf16');
  expect([...(await tensor.read())]).toEqual([1, -2]);
});

test.each([
  ['a plain object', '({ kept: make() })'],
  ['an array', '[make()]'],
  ['a map', 'new Map([[1, make()]])'],
  ['a set', 'new Set([make()])'],
])('keeps a tensor that a scope returns in %s of another context', async (_, code) => {
  await using device = await openDevice('cpu');
  let made: Tensor | undefined;
  const make = () => (made = device.full([1], 4));
  scope(() => elsewhere(code, { make }));
  expect([...(await made!.read())]).toEqual([4]);
});

test('refuses a scope whose body is an async function of another context', async () => {
  await using device = await openDevice('cpu');
  expect(() => scope(elsewhere('async () => device.zeros([1])', { device }))).toThrow(
    'scope: expected body to be synchronous',
  );
});

test('takes the bytes of a picture, and the values of a style, of another context', async () => {
  await using style = await StyleAR.load();
  const bytes = readFileSync('models/tiny/references/neon-car.png');
  const handle = await style.encodeStyle(elsewhere('Uint8Array.from(bytes)', { bytes }));
  const values: Float32Array = elsewhere('Float32Array.from(values)', { values: handle.values });
  expect(new StyleHandle(values, handle.count, handle.dim).key).toBe(handle.key);
});

test('writes a picture of another context', async () => {
  const pixels: Uint8Array = elsewhere('Uint8Array.of(1, 2, 3)');
  const written = await encodePicture(makePicture('RGB', 1, 1, pixels));
  expect([...(await decodePicture(written)).pixels]).toEqual([1, 2, 3]);
});
