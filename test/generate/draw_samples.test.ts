import { expect, test } from 'vitest';
import { drawSamples } from '../../lib/generate/draw_samples.ts';
import { StyleAR } from '../../lib/generate/stylear.ts';
import { withSmallModel } from '../support/small_model.ts';
import { essence, imagesOf, requestFor } from './small.ts';

withSmallModel('samples of requests', ({ folder, style }) => {
  test('come by request, in the order of their seeds', async () => {
    await using stylear = await StyleAR.load(folder, { device: 'cpu', threads: 1 });
    const requests = [7, 9].map((seed) => requestFor(seed, { style, count: 2 }));
    const drawn = await drawSamples(stylear, requests, { batch: 3 });
    expect(drawn.map((samples) => samples.map(({ facts }) => facts.seed))).toEqual([
      [7, 8],
      [9, 10],
    ]);
    const alone = await imagesOf(stylear, [requestFor(9, { style, count: 2 })]);
    expect(drawn[1]!.map(essence)).toEqual(alone.map(essence));
  });
});
