import { describe, expect, test } from 'vitest';
import { type Device, openDevice } from '../../lib/index.ts';
import { devicesToTest } from '../support/on_every_device.ts';

/** How late each beat of a 10 ms timer is, in ms, in order of size. */
async function lateness(beats: number): Promise<number[]> {
  const late: number[] = [];
  let due = performance.now() + 10;
  await new Promise<void>((resolve) => {
    const beat = () => {
      const now = performance.now();
      late.push(now - due);
      due = now + 10;
      if (late.length < beats) setTimeout(beat, 10);
      else resolve();
    };
    setTimeout(beat, 10);
  });
  return late.sort((a, b) => a - b);
}

/** Sees to it that the device always has 100 to 200 ms of work, until `beats` is done. */
async function saturated<T>(device: Device, beats: () => Promise<T>): Promise<T> {
  using x = device.full([1 << 16], 1);
  using graph = device.record(() => device.run('add', { x, y: x, z: x, alpha: 0.5, beta: 0.5 }));
  const begun = performance.now();
  graph.replay();
  await device.idle();
  const replays = Math.ceil(100 / (performance.now() - begun));
  const enqueue = () => {
    for (let i = 0; i < replays; i++) graph.replay();
    return device.idle();
  };
  let ended = false;
  const feeding = (async () => {
    for (let before = enqueue(), last = enqueue(); !ended; before = last, last = enqueue()) {
      await before;
    }
  })();
  const result = await beats();
  ended = true;
  await feeding;
  return result;
}

const at = (sorted: number[], share: number) => sorted[Math.floor(share * (sorted.length - 1))]!;

describe.each(devicesToTest({ withHostSide: true }))('with %s saturated', (kind) => {
  test('a 10 ms timer keeps within 5 ms of its beat', async () => {
    await using device = await openDevice(kind);
    // Other programs only ever make it later, so the best of a few tries counts.
    let best = Number.POSITIVE_INFINITY;
    for (let attempt = 0; attempt < 8 && best > 5; attempt++) {
      const late = await saturated(device, () => lateness(60));
      best = Math.min(best, at(late, 0.95));
    }
    expect(best).toBeLessThan(5);
  });
});
