// A failure on the device: known late, and never mistaken for a result.
import { describe, expect, test } from 'vitest';
import { openDevice } from '../../lib/index.ts';
import { devicesToTest } from '../support/on_every_device.ts';

describe.each(devicesToTest({ withHostSide: true }))('a failure on %s', (kind) => {
  /** Looks up row 9 of a table of 3 rows. */
  const fail = async () => {
    const device = await openDevice(kind);
    const table = device.zeros([3, 4]);
    const before = device.full([2], 1);
    const answered = before.read();
    const y = device.tensor([2, 4]);
    device.run('embedding', { table, ids: device.from(Int32Array.of(1, 9)), y });
    return { device, before, answered, y };
  };

  test('rejects every later read and idle with its cause, and none before it', async () => {
    const { device, before, answered, y } = await fail();
    const cause = expect.objectContaining({
      name: 'StylearError',
      message: expect.stringMatching(/^embedding: .*(9|ids)/),
    });
    expect([...(await answered)]).toEqual([1, 1]);
    await expect(y.read()).rejects.toThrow(cause);
    await expect(before.read()).rejects.toThrow(cause);
    await expect(device.idle()).rejects.toThrow(cause);
    device.run('fill', { y, value: 1 }); // accepted, and not done
    await expect(y.read()).rejects.toThrow(cause);
    await device.close();
  });

  test('shows the line that asked', async () => {
    const { device, y } = await fail();
    const error: Error = await y.read().catch((error) => error);
    expect(error.stack).toContain('failure.test.ts');
    await device.close();
  });

  test('is of no concern to another device', async () => {
    const { device, y } = await fail();
    await expect(y.read()).rejects.toThrow();
    await using other = await openDevice(kind);
    expect([...(await other.full([1], 5).read())]).toEqual([5]);
    await device.close();
  });
});
