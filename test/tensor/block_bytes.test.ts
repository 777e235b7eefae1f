import { afterAll, describe, expect, test } from 'vitest';
import { openDevice } from '../../lib/index.ts';
import { blockBytes } from '../../lib/tensor/block_bytes.ts';
import { uniform } from '../support/numbers.ts';

describe('blockBytes', async () => {
  const device = await openDevice('cpu');
  afterAll(() => device.close());
  const taken = (bytes: number): number => {
    device.trim();
    const before = device.memory().liveBytes;
    using _ = device.tensor([bytes], 'i8');
    return device.memory().liveBytes - before;
  };

  test.each([1, 255, 256, 257, 31 * 256, 31 * 256 + 1, 32 * 256 + 1, 33 * 256 + 1, 2 ** 20 + 1])(
    'is what a device takes for %i bytes',
    (bytes) => {
      expect(blockBytes(bytes)).toBe(taken(bytes));
    },
  );

  test('is what a device takes for any number of bytes', () => {
    const next = uniform(1);
    for (let i = 0; i < 300; i++) {
      const bytes = Math.ceil(2 ** (28 * next()));
      expect(blockBytes(bytes), `for ${bytes} bytes`).toBe(taken(bytes));
    }
  });
});
