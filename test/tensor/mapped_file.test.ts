import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { MappedFile } from '../../lib/index.ts';
import { onEveryHostSide } from '../support/on_every_device.ts';

const folder = mkdtempSync(join(tmpdir(), 'stylear-'));
afterAll(() => rmSync(folder, { recursive: true }));
const path = join(folder, 'weights');
const floats = Float32Array.from({ length: 1000 }, (_, i) => i / 8);
writeFileSync(path, new Uint8Array(floats.buffer));

onEveryHostSide('a mapped file', (device) => {
  const file = new MappedFile(path);

  test('has its size', () => expect(file.bytes).toBe(4000));

  test('is read in place by tensors on it', async () => {
    const before = device.memory().liveBytes;
    using x = file.tensor(device, 400, [10, 20], 'f32');
    if (device.name.startsWith('cpu')) expect(device.memory().liveBytes).toBe(before);
    using y = x.like();
    device.run('add', { x, y: x, z: y, alpha: 1, beta: 1 });
    expect([...(await x.read())]).toEqual([...floats.subarray(100, 300)]);
    expect([...(await y.read())]).toEqual(Array.from(floats.subarray(100, 300), (v) => 2 * v));
  });

  test('may be let go of while it is being read', async () => {
    const x = file.tensor(device, 0, [1000], 'f32');
    const y = x.like();
    device.run('add', { x, z: y, alpha: 1, beta: 0 });
    x.dispose();
    const read = await y.read();
    y.dispose();
    expect(read).toEqual(floats);
  });

  test('is read at any offset', async () => {
    using x = file.tensor(device, 2, [2], 'f32');
    const bytes = new Uint8Array(floats.buffer).slice(2, 10);
    expect(await x.read()).toEqual(new Float32Array(bytes.buffer));
  });

  test.each([
    [3997, [1]],
    [-4, [1]],
    [0, [1001]],
  ])('refuses bytes outside of it: at %i, %j', (offset, shape) => {
    expect(() => file.tensor(device, offset, shape, 'f32')).toThrow(
      `map: expected bytes ${offset} to ${offset + 4 * shape[0]!} to lie in the file, got 4000 bytes`,
    );
  });

  test('is not written to where it is used in place', async () => {
    using x = file.tensor(device, 0, [10], 'f32');
    if (!device.name.startsWith('cpu')) return;
    expect(() => device.run('fill', { y: x, value: 1 })).toThrow(
      'fill: expected y to be writable, got a tensor of a mapped file',
    );
    expect(() => x.write(new Float32Array(10))).toThrow(
      'write: expected the tensor to be writable, got one of a mapped file',
    );
  });

  test('refuses files that are not there, empty, or no files', () => {
    const map = (name: string) => () => new MappedFile(join(folder, name));
    expect(map('none')).toThrow(/^map: expected .*none to be readable, got No such file/);
    writeFileSync(join(folder, 'empty'), '');
    expect(map('empty')).toThrow(/empty to be a file with content/);
    expect(map('.')).toThrow(/to be a file with content/);
  });
});
