import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import {
  DecodeStep,
  type DecodeStepOptions,
  type DrawnToken,
} from '../../lib/generate/decode_step.ts';
import { openDevice, StylearError } from '../../lib/index.ts';
import { KvCache } from '../../lib/models/kv_cache.ts';
import { stepBytes } from '../../lib/models/step_memory.ts';
import { tinyChameleon, tinyWeights, vocabulary } from './tiny.ts';

const device = await openDevice('cpu', { threads: 2 });
const model = tinyChameleon(tinyWeights(device));
const { layers, kvHeads, headDim } = model.shape;
const cache = new KvCache(device, { layers, kvHeads, headDim, pages: 8, pageTokens: 16 }, 'f32');
afterAll(() => device.close());

interface Shape {
  readonly streams: number;
  readonly window: number;
  readonly guided?: boolean;
  readonly range?: readonly [number, number];
}

const steps: DecodeStep[] = [];
afterEach(() => {
  vi.restoreAllMocks();
  for (const step of steps.splice(0)) step.dispose();
  // The next one is not to take blocks that are a little larger than it needs.
  device.trim();
});

function stepOf(change: Partial<DecodeStepOptions> = {}): DecodeStep {
  const options = { dtype: 'f32', codes: vocabulary.codes, maxPages: 8, ...change } as const;
  const step = new DecodeStep(model, cache, options);
  steps.push(step);
  return step;
}

/** Draws after every token of streams of which a page is in the cache. */
function run(step: DecodeStep, { streams, window, guided = false, range }: Shape) {
  const fed = Array.from({ length: streams }, (_, stream) => ({
    tokens: Array.from({ length: window }, (_, i) => 4 + stream + i),
    cached: 16,
    pages: [0, 1, 2, 3, 4],
    scratch: true,
  }));
  const drawn: DrawnToken[] = [];
  for (let stream = 0; stream < streams; stream += guided ? 2 : 1)
    for (let after = 0; after < window; after++)
      drawn.push({
        ...{ stream, after, uncond: guided ? stream + 1 : undefined, guidance: guided ? 3 : 1 },
        ...{ range: range ?? vocabulary.codes, topK: 0, topP: 1, minP: 0, temperature: 1 },
        ...{ seed: [7, stream], position: after },
      });
  return step.run(fed, drawn);
}

const sizeOf = ({ streams, window, guided = false, range }: Shape) =>
  stepBytes(model.shape, {
    rows: streams * window,
    drawn: (streams * window) / (guided ? 2 : 1),
    guided,
    logits: range ? vocabulary.size : 64,
    dtype: 'f32',
  });

/** What nobody but recordings holds. */
function heldByRecordings(): number {
  device.trim();
  const { reservedBytes, liveBytes } = device.memory();
  return reservedBytes - liveBytes;
}

describe('a step', () => {
  test('is computed where there is no memory to record it', async () => {
    const step = stepOf();
    const shape = { streams: 4, window: 3, guided: true };
    const first = await run(step, shape);
    const record = vi.spyOn(device, 'record').mockImplementation(() => {
      throw new StylearError('ERR_OUT_OF_MEMORY', 'allocate: expected 8 bytes to be free');
    });
    for (let repeat = 0; repeat < 2; repeat++) expect(await run(step, shape)).toEqual(first);
    expect(record).toHaveBeenCalledTimes(1);
    record.mockImplementation(() => {
      throw new StylearError('ERR_DEVICE', 'recording: expected a device');
    });
    const other = { ...shape, window: 2 };
    await run(step, other);
    await expect(async () => run(step, other)).rejects.toThrow('recording: expected a device');
  });

  test('is recorded when its shape occurs again, and draws the same', async () => {
    const step = stepOf();
    const shape = { streams: 4, window: 3, guided: true };
    const first = await run(step, shape);
    expect(device.memory().graphs).toBe(0);
    for (let repeat = 0; repeat < 2; repeat++) {
      expect(await run(step, shape)).toEqual(first);
      expect(device.memory().graphs).toBe(1);
    }
    step.dispose();
    expect(device.memory().graphs).toBe(0);
  });

  test.each<Shape>([
    { streams: 1, window: 1 },
    { streams: 2, window: 1, guided: true },
    { streams: 6, window: 7, guided: true, range: [0, vocabulary.size] },
    { streams: 7, window: 17 },
    { streams: 32, window: 32, guided: true },
    { streams: 31, window: 32 },
  ])('holds what is said of one of %o', async (shape) => {
    const step = stepOf();
    for (let repeat = 0; repeat < 2; repeat++) await run(step, shape);
    const held = heldByRecordings();
    expect(held).toBeLessThanOrEqual(sizeOf(shape));
    expect(held).toBeGreaterThan(0.6 * sizeOf(shape));
  });
});

describe('recordings', () => {
  const shapes = [3, 4, 5].map((streams) => ({ streams, window: 16 }));

  test('are kept within their bytes, those that were used last', async () => {
    const recordingBytes = sizeOf(shapes[1]!) + sizeOf(shapes[2]!);
    const step = stepOf({ recordingBytes });
    const graphs = async (order: readonly number[]) => {
      const counts: number[] = [];
      for (const at of order) {
        await run(step, shapes[at]!);
        counts.push(device.memory().graphs);
      }
      return counts;
    };
    expect(await graphs([0, 0, 1, 1])).toEqual([0, 1, 1, 2]);
    expect(await graphs([2, 2])).toEqual([2, 2]);
    expect(heldByRecordings()).toBeLessThanOrEqual(recordingBytes);
    // The first shape was forgotten, and the two others were not.
    expect(await graphs([1, 2, 0])).toEqual([2, 2, 2]);
  });

  test('are not made of a step that is larger than all of them may be', async () => {
    const step = stepOf({ recordingBytes: sizeOf(shapes[1]!) });
    const plain = stepOf({ recorded: false });
    for (const shape of shapes)
      for (let repeat = 0; repeat < 3; repeat++)
        expect(await run(step, shape)).toEqual(await run(plain, shape));
    // The second took the place of the first, the third has none.
    expect(device.memory().graphs).toBe(1);
    expect(heldByRecordings()).toBeLessThanOrEqual(sizeOf(shapes[1]!));
  });
});
