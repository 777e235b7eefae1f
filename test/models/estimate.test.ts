import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readStyleARConfig } from '../../lib/models/config/stylear.ts';
import { estimateMemory } from '../../lib/models/estimate.ts';
import { convertWeights } from '../../lib/weights/convert_weights.ts';
import { WeightSource } from '../../lib/weights/weight_source.ts';
import { withSmallModel } from '../support/small_model.ts';

withSmallModel('an estimate of memory', ({ folder, scratch }) => {
  test('counts the 8-bit kernels of a VQGAN as the floats that they become', async () => {
    const config = readStyleARConfig(folder);
    const stored = async (dtype: 'f32' | 'int8') => {
      const vqgan = join(scratch, `${dtype}.safetensors`);
      await convertWeights(config.files.vqgan, vqgan, { dtype });
      return vqgan;
    };
    const [f32, int8] = [await stored('f32'), await stored('int8')];
    const source = new WeightSource(int8);
    const scales = [...source.names()]
      .filter((name) => name.endsWith('_scale'))
      .reduce((sum, name) => sum + source.get(name)!.stored.shape[0]!, 0);
    source.close();
    expect(scales).toBeGreaterThan(100);
    const bytesOf = (vqgan: string) =>
      estimateMemory(
        { ...config, files: { ...config.files, vqgan } },
        { dtype: 'f32', cacheTokens: 1 },
      ).weights;
    const [floats, eight] = [bytesOf(f32), bytesOf(int8)];
    expect(eight).toEqual({ ...floats, vqgan: floats.vqgan + 4 * scales });
  });

  test('counts recordings of steps up to their bound, where there are any', () => {
    const config = readStyleARConfig(folder);
    const of = (options: { readonly rows?: number; readonly recorded?: boolean }) =>
      estimateMemory(config, { dtype: 'f32', cacheTokens: 1, ...options });
    const [few, many, none] = [of({}), of({ rows: 2 ** 20 }), of({ recorded: false })];
    expect(few.recordings).toBeGreaterThan(0);
    expect(few.recordings).toBeLessThan(many.recordings);
    expect(many.recordings).toBe(2 ** 27);
    expect(none).toEqual({ ...few, recordings: 0, total: few.total - few.recordings });
  });
});
