import { z } from 'zod';
import { valueAndGradients } from '../autograd/gradients.ts';
import type { Chameleon } from '../models/chameleon.ts';
import { KvCache } from '../models/kv_cache.ts';
import { applyLora, LoraAdapter, mergeLora } from '../models/lora.ts';
import { openChameleon } from '../models/open_chameleon.ts';
import { subtract } from '../ops/add.ts';
import { concat } from '../ops/copy_slice.ts';
import type { Device } from '../tensor/device.ts';
import { scope } from '../tensor/scope.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { batchStates } from '../train/batch_states.ts';
import { nextTokenLoss } from '../train/next_token_loss.ts';
import { type TokenBatch, tokenBatch } from '../train/token_batch.ts';
import { Weights } from '../weights/weights.ts';
import {
  type Check,
  type Context,
  compareNumbers,
  compareTensor,
  multipleOf,
  type Verifier,
} from './check.ts';
import type { Fixture, Values } from './fixture.ts';

const casesSchema = z.object({ style_index: z.array(z.array(z.number().int().min(0))) });

const trainSchema = z.object({
  input_ids: z.array(z.array(z.number().int())),
  labels: z.array(z.array(z.number().int())),
  style_index: z.array(z.array(z.number().int())),
  z_loss_weight: z.number(),
  max_position_embeddings: z.number().int(),
});

const expected = 'expected.safetensors';

/** Whole sequences, padding on either side, steps over the cache, style rows, adapters, losses. */
export const verifyChameleon: Verifier = async function* (fixture, context) {
  const { device, dtype } = context;
  using opened = openChameleon(fixture.path('ckpt'), device, { dtype });
  const { model } = opened;
  using adapterWeights = Weights.open(fixture.path('lora', 'model.safetensors'), device, { dtype });
  const adapter = LoraAdapter.of(adapterWeights, model);
  const run = new Runs(fixture, context, model);

  yield* run.rightPadded();
  yield* run.leftPadded();
  yield* run.whole('full');
  yield* run.throughCache('full');
  yield* run.withStyle('style');

  applyLora(model, adapter);
  yield* run.whole('lora.full');
  yield* run.throughCache('lora.full');
  yield* run.withStyle('lora.style');
  yield* run.training(adapter);
  applyLora(model, undefined);

  const merged = mergeLora(model, adapter);
  yield* run.whole('lora.full', 'merged ');
  merged.undo();

  using nothing = Weights.fresh(device, { dtype });
  applyLora(model, LoraAdapter.of(nothing, model));
  yield* run.whole('full', 'fresh adapter ');
  applyLora(model, undefined);
};

/** Sequences as columns of tokens, `[sequences, tokens]` each. */
interface Columns {
  readonly sequences: number;
  readonly tokens: number;
  readonly ids: Int32Array;
  /** Angles of the rotary embedding. */
  readonly positions: Int32Array;
  /** Where in the cache each token goes; negative where it goes nowhere. */
  readonly places: Int32Array;
}

class Runs {
  private readonly fixture: Fixture;
  private readonly device: Device;
  private readonly dtype: Context['dtype'];
  private readonly model: Chameleon;
  private readonly multiple: number;

  constructor(fixture: Fixture, { device, dtype }: Context, model: Chameleon) {
    this.fixture = fixture;
    this.device = device;
    this.dtype = dtype;
    this.model = model;
    this.multiple = multipleOf(dtype);
  }

  async *rightPadded(): AsyncGenerator<Check> {
    const states = scope(() => {
      const ids = this.input('right_ids');
      const positions = this.countUp(ids.shape);
      let h = this.model.embed(ids, { dtype: this.dtype });
      const all = [h];
      for (const layer of this.model.layers) {
        h = layer.forward(h, positions);
        all.push(h);
      }
      const last = this.model.norm.forward(h);
      return { hidden: [...all.slice(0, -1), last], logits: this.model.head.forward(last) };
    });
    for (const [i, hidden] of states.hidden.entries())
      yield this.compare(`right.hidden.${i}`, hidden);
    yield this.compare('right.logits', states.logits);
  }

  /** Padding on the left: positions as given, and tokens that go nowhere in the cache. */
  async *leftPadded(): AsyncGenerator<Check> {
    const { shape, values } = this.fixture.tensor('inputs.safetensors', 'left_mask');
    const mask = Int32Array.from(values);
    const [sequences, tokens] = shape as [number, number];
    const lengths = Array.from({ length: sequences }, (_, s) =>
      mask.subarray(s * tokens, (s + 1) * tokens).reduce((sum, value) => sum + value, 0),
    );
    const places = Int32Array.from(mask, (value, i) => {
      const [s, t] = [Math.floor(i / tokens), i % tokens];
      return value ? t - (tokens - lengths[s]!) : -1;
    });
    const ids = Int32Array.from(this.fixture.tensor('inputs.safetensors', 'left_ids').values);
    const positions = Int32Array.from(this.fixture.tensor('inputs.safetensors', 'left_pos').values);
    using cache = this.cache(sequences, tokens);
    const columns = { sequences, tokens, ids, positions, places };
    using logits = scope(() => this.step(columns, cache, 0, tokens));
    const want = this.fixture.tensor(expected, 'left.logits');
    const width = want.shape.at(-1)!;
    const unpadded = ({ values }: Values): Values => ({
      shape: [lengths.reduce((a, b) => a + b), width],
      values: Float32Array.from(
        [...mask].flatMap((value, i) =>
          value ? [...values.subarray(i * width, (i + 1) * width)] : [],
        ),
      ),
    });
    const got = { shape: want.shape, values: (await logits.read()) as Float32Array };
    const bound = this.fixture.atol(expected, 'left.logits') * this.multiple;
    yield compareNumbers(`${expected}:left.logits`, unpadded(got), unpadded(want), bound);
  }

  async *whole(name: string, prefix = ''): AsyncGenerator<Check> {
    const logits = scope(() => {
      const ids = this.input('ids');
      const x = this.model.embed(ids, { dtype: this.dtype });
      return this.model.head.forward(this.model.forward(x, this.countUp(ids.shape)));
    });
    const check = await this.compare(`${name}.logits`, logits);
    yield { ...check, name: `${prefix}${check.name}` };
  }

  /** As many tokens as the fixture's cache holds, then three, then one at a time. */
  async *throughCache(name: string): AsyncGenerator<Check> {
    const { shape, values } = this.fixture.tensor('inputs.safetensors', 'ids');
    const [sequences, tokens] = shape as [number, number];
    const positions = Int32Array.from(values, (_, i) => i % tokens);
    const ids = Int32Array.from(values);
    const columns = { sequences, tokens, ids, positions, places: positions };
    using cache = this.cache(sequences, tokens);
    // The fixture has the cache as it was after the first of these.
    const first = this.fixture.tensor(expected, 'cache.key.0').shape[2]!;
    const parts: Tensor[] = [];
    for (
      let begin = 0, count = first;
      begin < tokens;
      begin += count, count = begin === first ? 3 : 1
    ) {
      const end = Math.min(begin + count, tokens);
      parts.push(scope(() => this.step(columns, cache, begin, end)));
      if (begin === 0 && name === 'full') yield* this.cached(cache, sequences, first);
    }
    const check = await this.compare(`${name}.logits`, concat(parts, 1));
    for (const part of parts) part.dispose();
    yield { ...check, name: `cached ${check.name}` };
  }

  async *withStyle(name: string): AsyncGenerator<Check> {
    using ids = this.input('ids');
    const style = this.fixture.tensor('inputs.safetensors', 'style');
    const index = casesSchema.parse(this.fixture.json('cases.json')).style_index;
    const [, tokens] = ids.shape as [number, number];
    const slots = new Int32Array(ids.count).fill(-1);
    index.forEach((places, s) => {
      places.forEach((t, row) => {
        slots[s * tokens + t] = s * places.length + row;
      });
    });
    const { x, logits } = scope(() => {
      const rows = this.device.from(
        style.values,
        [style.values.length / style.shape.at(-1)!, style.shape.at(-1)!],
        this.dtype,
      );
      const x = this.model.embed(ids, { rows, slots: this.device.from(slots, ids.shape) });
      return { x, logits: this.model.head.forward(this.model.forward(x, this.countUp(ids.shape))) };
    });
    if (name === 'style') yield this.compare('style.hidden.0', x);
    else x.dispose();
    yield this.compare(`${name}.logits`, logits);
  }

  /** Loss, its parts, and gradients of the adapter and the style rows. */
  async *training(adapter: LoraAdapter): AsyncGenerator<Check> {
    const given = trainSchema.parse(this.fixture.json('train_batch.json'));
    const batch = tokenBatch(
      given.input_ids.map((ids, s) => ({
        ids,
        labels: given.labels[s]!,
        styleIndex: given.style_index[s],
      })),
      { maxTokens: given.max_position_embeddings },
    );
    const style = this.fixture.tensor('train_inputs.safetensors', 'input_tokens');
    const width = style.shape.at(-1)!;
    using rows = this.device.from(style.values, [style.values.length / width, width], this.dtype);
    const names = [...adapter.pairs.keys()].flatMap((path) =>
      ['A', 'B'].map((side) => `${path === 'lm_head' ? 'lm_head.lm_head' : path}_lora.${side}`),
    );
    const wrt = [...[...adapter.pairs.values()].flatMap(({ a, b }) => [a, b]), rows];
    const take = (loss: () => Tensor) => scope(() => valueAndGradients(loss, wrt));
    const losses = {
      ce: take(() => this.loss(batch, rows, 0)),
      loss: take(() => this.loss(batch, rows, given.z_loss_weight)),
      // The z-loss alone is what it adds to the cross-entropy.
      z: take(() => subtract(this.loss(batch, rows, 1), this.loss(batch, rows, 0))),
    };
    const file = 'train_expected.safetensors';
    for (const [name, { value }] of Object.entries(losses))
      yield await compareTensor(this.fixture, file, name, value, this.multiple);
    const gradients = 'train_gradients.safetensors';
    for (const [i, name] of [...names, 'input_tokens'].entries()) {
      const { shape } = this.fixture.tensor(gradients, name);
      using ofLoss = losses.loss.gradients[i]!.reshape(shape);
      yield await compareTensor(this.fixture, gradients, name, ofLoss, this.multiple);
      if (!this.fixture.tensors(gradients).has(`z_only.${name}`)) continue;
      using ofZ = losses.z.gradients[i]!.reshape(shape);
      yield await compareTensor(this.fixture, gradients, `z_only.${name}`, ofZ, this.multiple);
    }
    for (const { value, gradients } of Object.values(losses))
      for (const tensor of [value, ...gradients]) tensor.dispose();
  }

  private loss(batch: TokenBatch, rows: Tensor, zLoss: number): Tensor {
    const hidden = batchStates(this.model, batch, { style: rows, dtype: this.dtype });
    const labels = this.device.from(batch.nextLabels);
    return nextTokenLoss(this.model.head, hidden, labels, batch.labelCount, { zLoss });
  }

  /** Keys and values after so many tokens: `[sequences, kvHeads, tokens, headDim]`. */
  private async *cached(cache: KvCache, sequences: number, tokens: number): AsyncGenerator<Check> {
    const { kvHeads, headDim, pageTokens, layers } = cache.shape;
    using table = this.table(sequences, cache);
    const perSequence = cache.shape.pages / sequences;
    for (let layer = 0; layer < layers; layer++) {
      const { kPages, vPages } = cache.layer(layer, table);
      for (const [kind, pages] of [
        ['key', kPages],
        ['value', vPages],
      ] as const) {
        const stored = (await pages.read()) as Float32Array;
        const values = new Float32Array(sequences * kvHeads * tokens * headDim);
        let at = 0;
        for (let s = 0; s < sequences; s++)
          for (let h = 0; h < kvHeads; h++)
            for (let t = 0; t < tokens; t++) {
              const page = s * perSequence + Math.floor(t / pageTokens);
              const row = (page * kvHeads + h) * pageTokens + (t % pageTokens);
              values.set(stored.subarray(row * headDim, (row + 1) * headDim), at);
              at += headDim;
            }
        const name = `cache.${kind}.${layer}`;
        const want = this.fixture.tensor(expected, name);
        const bound = this.fixture.atol(expected, name) * this.multiple;
        yield compareNumbers(`${expected}:${name}`, { shape: want.shape, values }, want, bound);
      }
    }
  }

  /** Columns `begin` to `end` over the cache, 64 at a time at most: their logits. */
  private step(columns: Columns, cache: KvCache, begin: number, end: number): Tensor {
    const parts: Tensor[] = [];
    for (let at = begin; at < end; at += 64)
      parts.push(this.decode(columns, cache, at, Math.min(at + 64, end)));
    return parts.length === 1 ? parts[0]! : concat(parts, 1);
  }

  private decode(
    { sequences, tokens, ids, positions, places }: Columns,
    cache: KvCache,
    begin: number,
    end: number,
  ): Tensor {
    const rows = (values: Int32Array) =>
      Array.from({ length: sequences }, (_, s) => values.subarray(s * tokens, (s + 1) * tokens));
    const cut = (values: Int32Array) =>
      this.device.from(
        Int32Array.from(rows(values).flatMap((row) => [...row.subarray(begin, end)])),
        [sequences, end - begin],
      );
    const lengths = rows(places).map(
      (row) => row.subarray(0, end).filter((place) => place >= 0).length,
    );
    const hidden = this.model.decode(this.model.embed(cut(ids), { dtype: this.dtype }), cache, {
      positions: cut(positions),
      cachePositions: cut(places),
      lengths: this.device.from(Int32Array.from(lengths)),
      table: this.table(sequences, cache),
    });
    return this.model.head.forward(hidden);
  }

  /** Pages of 8 tokens, so that sequences cross from one to the next. */
  private cache(sequences: number, tokens: number): KvCache {
    const { layers, kvHeads, headDim } = this.model.shape;
    const pages = sequences * Math.ceil(tokens / 8);
    return new KvCache(this.device, { layers, kvHeads, headDim, pages, pageTokens: 8 }, this.dtype);
  }

  private table(sequences: number, { shape: { pages } }: KvCache): Tensor {
    return this.device.from(
      Int32Array.from({ length: pages }, (_, i) => i),
      [sequences, pages / sequences],
    );
  }

  private input(name: string): Tensor {
    const { shape, values } = this.fixture.tensor('inputs.safetensors', name);
    return this.device.from(values, shape);
  }

  private countUp(shape: readonly number[]): Tensor {
    const tokens = shape.at(-1)!;
    const count = shape.reduce((a, b) => a * b);
    return this.device.from(
      Int32Array.from({ length: count }, (_, i) => i % tokens),
      shape,
    );
  }

  /** `got` is freed. */
  private async compare(name: string, got: Tensor): Promise<Check> {
    using tensor = got;
    return await compareTensor(this.fixture, expected, name, tensor, this.multiple);
  }
}
