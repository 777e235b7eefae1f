import { describe, expect, test } from 'vitest';
import { scope, type Tensor, Weights } from '../../lib/index.ts';
import type { ResamplerConfig } from '../../lib/models/config/resampler.ts';
import { Resampler } from '../../lib/models/resampler.ts';
import { functions } from '../support/functions.ts';
import {
  addRows,
  attentionOfHeads,
  flat,
  norm,
  product,
  type Rows,
  rowsOf,
} from '../support/layers.ts';
import { expectModel, expectModelGradient, type Named, randomise } from '../support/model_case.ts';
import { input, ofSum } from '../support/numbers.ts';
import { onEveryDevice } from '../support/on_every_device.ts';
import { expectRefusal, expectSameBits, take, upload } from '../support/op_case.ts';

/** As StyleAR's: heads that together are not as wide as the latents. */
const plain: ResamplerConfig = {
  dim: 8,
  depth: 2,
  headDim: 3,
  heads: 2,
  queries: 3,
  inputDim: 5,
  outputDim: 7,
  ffMult: 2,
  maxSequence: 6,
  positionEmbedding: false,
  meanPooledLatents: 0,
};
const withOptions: ResamplerConfig = { ...plain, positionEmbedding: true, meanPooledLatents: 2 };
const features = input([2, 4, plain.inputDim], 5);

/** Of one image, `[tokens, inputDim]`. */
function resample(x0: Rows, values: Named, config: ResamplerConfig): Rows {
  const of = (name: string) => values.get(name)!;
  const normed = (x: Rows, name: string) => norm(x, of(`${name}.weight`), of(`${name}.bias`));
  const linear = (x: Rows, name: string) =>
    product(x, of(`${name}.weight`), values.get(`${name}.bias`));
  const placed = config.positionEmbedding
    ? addRows(x0, rowsOf(of('pos_emb.weight'), config.inputDim))
    : x0;
  const x = linear(placed, 'proj_in');
  let z = rowsOf(of('latents'), config.dim);
  if (config.meanPooledLatents > 0) {
    const mean = Float64Array.from({ length: config.dim }, (_, i) =>
      x.reduce((total, row) => total + row[i]! / x.length, 0),
    );
    const at = 'to_latents_from_mean_pooled_seq';
    z = [...rowsOf(linear(normed([mean], `${at}.0`), `${at}.1`)[0]!, config.dim), ...z];
  }
  const inner = config.heads * config.headDim;
  for (let l = 0; l < config.depth; l++) {
    const at = `layers.${l}.0`;
    const zn = normed(z, `${at}.norm2`);
    const kv = linear([...normed(x, `${at}.norm1`), ...zn], `${at}.to_kv`);
    const k = kv.map((row) => row.subarray(0, inner));
    const v = kv.map((row) => row.subarray(inner));
    const y = attentionOfHeads(linear(zn, `${at}.to_q`), k, v, config.heads);
    z = addRows(z, linear(y, `${at}.to_out`));
    const up = linear(normed(z, `layers.${l}.1.0`), `layers.${l}.1.1`);
    z = addRows(
      z,
      linear(
        up.map((row) => row.map(functions.gelu)),
        `layers.${l}.1.3`,
      ),
    );
  }
  return normed(linear(z, 'proj_out'), 'norm_out');
}

onEveryDevice('Resampler', (device) => {
  const made = (config: ResamplerConfig) => {
    const w = Weights.fresh(device);
    const resampler = new Resampler(w, config);
    randomise(w.entries(), 4);
    return { w, resampler, [Symbol.dispose]: () => w.dispose() };
  };

  describe.each([
    ['as StyleAR has it', plain],
    ['with positions and mean-pooled latents', withOptions],
  ] as const)('%s', (_, config) => {
    const caseOf = ({ w, resampler }: ReturnType<typeof made>, x: Tensor) => ({
      tensors: [['features', x] as const, ...w.entries()],
      forward: () => resampler.forward(x),
      definition: (values: Named) => {
        const images = rowsOf(values.get('features')!, 4 * config.inputDim);
        return flat(
          images.flatMap((one) => resample(rowsOf(one, config.inputDim), values, config)),
        );
      },
      // Two layers of sums of at most 16 terms, and the norm at the end.
      roundings: 4 * ofSum(16),
    });

    test('is its definition', async () => {
      using model = made(config);
      using x = upload(device, features);
      await expectModel(caseOf(model, x));
    });

    test('has the gradient of its definition by the features and every tensor', async () => {
      using model = made(config);
      using x = upload(device, features);
      await expectModelGradient(device, caseOf(model, x));
    });

    test('makes of an image what it makes of it among others', async () => {
      using model = made(config);
      const run = (x: typeof features) =>
        take(scope(() => model.resampler.forward(upload(device, x))));
      const together = await run(features);
      const each = 4 * config.inputDim;
      const alone = await run({
        ...features,
        shape: [1, 4, config.inputDim],
        values: features.values.subarray(each),
      });
      expect(alone.length).toBe(model.resampler.outputs * config.outputDim);
      expectSameBits([alone], [together.subarray(alone.length)]);
    });
  });

  test('begins with latents of the length of one', async () => {
    using w = Weights.fresh(device);
    new Resampler(w, { ...plain, dim: 64, queries: 64 });
    const latents = [...(await w.tensor('latents', [1, 64, 64]).read())];
    const squares = latents.reduce((total, value) => total + value * value, 0);
    // 4,096 draws of variance 1 / 64: their squares sum to 64, off by 1.4.
    expect(Math.abs(squares - 64)).toBeLessThan(4 * 1.5);
  });

  test.each([
    [plain, [1, 4, 6], '[images, tokens, 5]'],
    [plain, [4, 5], '[images, tokens, 5]'],
    [withOptions, [1, 7, 5], '[images, tokens, 5] of at most 6 tokens'],
  ] as const)('refuses features that do not fit', (config, extents, expected) => {
    using model = made(config);
    expectRefusal(
      () => model.resampler.forward(device.zeros(extents)),
      'ERR_SHAPE',
      `resampler: expected features to be ${expected}, got [${extents.join(', ')}]`,
    );
  });
});
