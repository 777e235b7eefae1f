// What must hold over many pictures. `STYLEAR_ABORTS` and `STYLEAR_GENERATIONS` are how many: 1,000 and
// 10,000 in the long run.

import { once } from 'node:events';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { StyleAR } from '../../lib/index.ts';
import { builtCli } from '../support/built_cli.ts';
import { uniform } from '../support/numbers.ts';
import { withSmallModel } from '../support/small_model.ts';
import { essence, imagesOf, requestFor } from './small.ts';

const aborts = Number(process.env.STYLEAR_ABORTS ?? 50);
const generations = Number(process.env.STYLEAR_GENERATIONS ?? 1000);

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

withSmallModel('over many pictures', ({ folder, style }) => {
  let stylear: StyleAR;
  beforeAll(async () => {
    stylear = await StyleAR.load(folder, { device: 'cpu', threads: 2 });
  });
  afterAll(() => stylear.close());

  test(`${aborts} aborts free their slots within a step and leave others as they are`, async () => {
    const size = { width: 64, height: 64 };
    const requests = [1, 2, 3, 4, 5, 6].map((seed) => requestFor(seed, { style, size }));
    const alone = (await imagesOf(stylear, requests, { batch: 1 })).map(essence);
    const { engine } = stylear;
    let steps = 0;
    const advance = engine.advance.bind(engine);
    engine.advance = () => {
      steps++;
      return advance();
    };
    const next = uniform(5);
    let aborted = 0;
    while (aborted < aborts) {
      const controllers = requests.map(() => new AbortController());
      /** When each was aborted, in steps. */
      const when = new Map<number, number>();
      const signalled = requests.map((request, i) => {
        const { signal } = controllers[i]!;
        return { ...request, signal };
      });
      const options = {
        batch: 1 + Math.floor(next() * 6),
        window: next() < 0.5 ? 'auto' : 3,
      } as const;
      for await (const event of stylear.generate(signalled, { ...options, onError: 'event' })) {
        if (event.type === 'image') {
          expect(essence(event.image)).toEqual(alone[event.image.request]);
        } else if (event.type === 'failed') {
          expect(event.error).toMatchObject({ name: 'AbortError' });
          expect(steps - when.get(event.request)!).toBeLessThanOrEqual(1);
          aborted++;
        } else if (event.type === 'rows' && next() < 0.3 && !when.has(event.request)) {
          when.set(event.request, steps);
          controllers[event.request]!.abort();
        }
      }
      expect(engine.active).toBe(0);
      expect(engine.pool.available).toBe(engine.pool.total);
    }
    engine.advance = advance;
  }, 3_600_000);

  test(`${generations} generations leave less than 1 kB each`, async () => {
    const run = async (count: number, from: number) => {
      for (let i = 0; i < count; i++) await stylear.draw(requestFor(from + i, { style }));
    };
    const used = async (): Promise<number> => {
      let least = Number.POSITIVE_INFINITY;
      for (let i = 0; i < 5; i++) {
        collectGarbage();
        await new Promise((resolve) => setTimeout(resolve, 10));
        const { heapUsed, external } = process.memoryUsage();
        least = Math.min(least, heapUsed + external);
      }
      return least;
    };
    const stretch = Math.ceil(generations / 5);
    await run(stretch, 0);
    const onDevice = stylear.device.memory();
    const rss = process.memoryUsage.rss();
    // Code that is compiled meanwhile is in some of the stretches; what every picture leaves is in all:
    // of five the second smallest.
    const slopes: number[] = [];
    for (let i = 1; i <= 5; i++) {
      const before = await used();
      await run(stretch, i * stretch);
      slopes.push(((await used()) - before) / stretch);
    }
    const grown = slopes.sort((a, b) => a - b)[1]!;
    const resident = (process.memoryUsage.rss() - rss) / generations;
    console.log(`a generation: ${grown.toFixed(0)} bytes of heap, ${resident.toFixed(0)} resident`);
    expect(grown).toBeLessThan(1000);
    // The allocator's own movements are larger than what few pictures could leave.
    if (generations >= 5000) expect(resident).toBeLessThan(1000);
    const { storages, graphs, liveBytes, reservedBytes } = onDevice;
    const after = stylear.device.memory();
    expect(after).toMatchObject({ storages, graphs, liveBytes });
    expect((after.reservedBytes - reservedBytes) / generations).toBeLessThan(1000);
  }, 3_600_000);

  test('a worker thread draws the same', async () => {
    const entry = join(builtCli(), '../../index.js');
    const request = requestFor(4, { style });
    const worker = new Worker(
      `const { parentPort, workerData } = require('node:worker_threads');
      import(workerData.entry).then(async ({ StyleAR }) => {
        const stylear = await StyleAR.load(workerData.folder, { device: 'cpu', threads: 1 });
        const { tokens, picture } = await stylear.draw(workerData.request);
        await stylear.close();
        parentPort.postMessage({ tokens, pixels: new Uint8Array(picture.pixels) });
      });`,
      { eval: true, workerData: { entry, folder, request } },
    );
    const [[message]] = await Promise.all([once(worker, 'message'), once(worker, 'exit')]);
    const { tokens, picture } = await stylear.draw(request);
    expect(message).toEqual({ tokens, pixels: new Uint8Array(picture.pixels) });
  }, 240_000);
});
