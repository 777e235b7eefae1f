import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { gradients, scope, sum, type Tensor, Weights } from '../../lib/index.ts';
import { Clip } from '../../lib/models/clip.ts';
import type {
  ClipTextConfig,
  ClipTowerConfig,
  ClipVisionConfig,
} from '../../lib/models/config/clip.ts';
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
import { expectClose, expectRefusal, expectSameBits, take, upload } from '../support/op_case.ts';

const vision: ClipVisionConfig = {
  width: 8,
  layers: 2,
  heads: 2,
  inner: 12,
  activation: 'gelu',
  normEps: 1e-5,
  projection: 5,
  patch: 3,
  imageSize: 6,
};
const text: ClipTextConfig = {
  width: 6,
  layers: 2,
  heads: 3,
  inner: 10,
  activation: 'quick_gelu',
  normEps: 1e-3,
  projection: 5,
  vocabulary: 11,
  positions: 5,
  eosId: 10,
};
const images = 2;
const pixels = input([images, 6, 6, 3], 5);
const ids = [
  [9, 1, 10, 0],
  [9, 10, 0, 0],
  [9, 4, 3, 10],
];
const ends = [2, 1, 3];

function tower(
  x: Rows,
  of: (name: string) => Float64Array,
  { layers, heads, activation, normEps }: ClipTowerConfig,
  sees?: (i: number, j: number) => boolean,
): Rows {
  let h = x;
  for (let i = 0; i < layers; i++) {
    const at = (name: string) => of(`encoder.layers.${i}.${name}`);
    const linear = (y: Rows, name: string) => product(y, at(`${name}.weight`), at(`${name}.bias`));
    const normed = (name: string) => norm(h, at(`${name}.weight`), at(`${name}.bias`), normEps);
    const y = normed('layer_norm1');
    const [q, k, v] = ['q', 'k', 'v'].map((one) => linear(y, `self_attn.${one}_proj`));
    h = addRows(h, linear(attentionOfHeads(q!, k!, v!, heads, sees), 'self_attn.out_proj'));
    const inner = linear(normed('layer_norm2'), 'mlp.fc1').map((row) =>
      row.map(functions[activation]),
    );
    h = addRows(h, linear(inner, 'mlp.fc2'));
  }
  return h;
}

/** Of one picture, `[6, 6, 3]`. */
function imageEmbedding(picture: Float64Array, values: Named): Float64Array {
  const of = (name: string) => values.get(`vision_model.${name}`)!;
  const patches: Float64Array[] = [];
  for (const top of [0, 3])
    for (const left of [0, 3]) {
      const patch: number[] = [];
      for (let row = top; row < top + 3; row++)
        patch.push(...picture.subarray((row * 6 + left) * 3, (row * 6 + left + 3) * 3));
      patches.push(Float64Array.from(patch));
    }
  const tokens = [
    of('embeddings.class_embedding'),
    ...product(patches, of('embeddings.patch_embedding.weight')),
  ];
  const placed = addRows(tokens, rowsOf(of('embeddings.position_embedding.weight'), 8));
  const x = norm(placed, of('pre_layrnorm.weight'), of('pre_layrnorm.bias'));
  const [first] = tower(x, of, vision);
  const pooled = norm([first!], of('post_layernorm.weight'), of('post_layernorm.bias'));
  return product(pooled, values.get('visual_projection.weight')!)[0]!;
}

function textEmbedding(sequence: readonly number[], end: number, values: Named): Float64Array {
  const of = (name: string) => values.get(`text_model.${name}`)!;
  const [table, positions] = ['token_embedding', 'position_embedding'].map((name) =>
    rowsOf(of(`embeddings.${name}.weight`), 6),
  );
  const x = addRows(
    sequence.map((id) => table![id]!),
    positions!,
  );
  const y = tower(x, of, text, (i, j) => j <= i);
  const bias = of('final_layer_norm.bias');
  const pooled = norm([y[end]!], of('final_layer_norm.weight'), bias, text.normEps);
  return product(pooled, values.get('text_projection.weight')!)[0]!;
}

function logits(values: Named): Float64Array {
  const unit = (row: Float64Array) => {
    const length = Math.sqrt(row.reduce((total, value) => total + value * value, 0));
    return row.map((value) => value / length);
  };
  const scale = Math.exp(values.get('logit_scale')![0]!);
  const pictures = rowsOf(pixels.values, 6 * 6 * 3).map((one) => unit(imageEmbedding(one, values)));
  const texts = ids.map((one, i) => unit(textEmbedding(one, ends[i]!, values)));
  const scaled = pictures.map((row) => row.map((value) => scale * value));
  return flat(product(scaled, flat(texts)));
}

const folder = mkdtempSync(join(tmpdir(), 'stylear-clip-'));
afterAll(() => rmSync(folder, { recursive: true }));

onEveryDevice('Clip', (device) => {
  const made = () => {
    const w = Weights.fresh(device);
    const clip = new Clip(w, { vision, text });
    randomise(w.entries(), 3);
    return { w, clip, [Symbol.dispose]: () => w.dispose() };
  };
  const forward = (clip: Clip, options = {}): Tensor => {
    const texts = device.from(Int32Array.from(ids.flat()), [3, 4]);
    const rows = device.from(Int32Array.from(ends, (end, i) => 4 * i + end));
    return clip.logits(
      clip.embedImages(upload(device, pixels), options),
      clip.embedTexts(texts, rows, options),
    );
  };
  const caseOf = ({ w, clip }: ReturnType<typeof made>) => ({
    tensors: w.entries(),
    forward: () => forward(clip),
    definition: logits,
    // Two layers, each of sums of at most 12 terms, and a softmax; then the cosine.
    roundings: 4 * ofSum(12),
  });

  test('gives the logits of its definition', async () => {
    using model = made();
    await expectModel(caseOf(model));
  });

  test('has the gradient of its definition by every tensor', async () => {
    using model = made();
    await expectModelGradient(device, caseOf(model));
  });

  test('has the same gradients in less memory when layers are computed twice', async () => {
    using model = made();
    const { w, clip } = model;
    const wrt = w.entries().map(([, tensor]) => tensor);
    const taken = async (checkpointed: boolean) => {
      let bytes = 0;
      const loss = () => {
        const total = sum(forward(clip, { checkpointed }));
        bytes = device.memory().liveBytes;
        return total;
      };
      return { values: await Promise.all(gradients(loss, wrt).map(take)), bytes };
    };
    const [plain, twice] = [await taken(false), await taken(true)];
    expectSameBits(twice.values, plain.values);
    expect(twice.bytes).toBeLessThan(plain.bytes);
  });

  test('gives the states of all layers, and those before the last without computing it', async () => {
    using model = made();
    const { w, clip } = model;
    const states = async (run: (x: Tensor) => Tensor[]) =>
      Promise.all(scope(() => run(upload(device, pixels))).map(take));
    const all = await states((x) => clip.vision.states(x));
    expect(all.length).toBe(3);
    expectSameBits(await states((x) => [clip.vision.forward(x)]), [all[2]!]);
    const name = 'vision_model.encoder.layers.1.mlp.fc2.bias';
    new Map(w.entries()).get(name)!.write(new Float32Array(8).fill(Number.NaN));
    expectSameBits(await states((x) => [clip.vision.penultimate(x)]), [all[1]!]);
  });

  test('embeds a picture as it does among others', async () => {
    using model = made();
    const { clip } = model;
    const together = await take(scope(() => clip.embedImages(upload(device, pixels))));
    const second = { ...pixels, shape: [1, 6, 6, 3], values: pixels.values.subarray(6 * 6 * 3) };
    const alone = await take(scope(() => clip.embedImages(upload(device, second))));
    expectSameBits([alone], [together.subarray(5)]);
  });

  test('reads no text beyond its end, and leaves out the padding where told', async () => {
    using model = made();
    const { clip } = model;
    const states = (sequence: readonly number[], lengths?: readonly number[]) =>
      take(
        scope(() =>
          clip.text.forward(device.from(Int32Array.from(sequence), [1, 4]), {
            lengths: lengths && device.from(Int32Array.from(lengths)),
          }),
        ),
      );
    const two = async (...of: Parameters<typeof states>) => (await states(...of)).subarray(0, 12);
    expectSameBits([await two([9, 10, 3, 7])], [await two([9, 10, 0, 0])]);
    const whole = await states([9, 10, 0, 0]);
    const cut = await states([9, 10, 0, 0], [2]);
    expectSameBits([cut.subarray(0, 12)], [whole.subarray(0, 12)]);
    expect(cut.subarray(12)).not.toEqual(whole.subarray(12));
  });

  test('is saved and loaded by the same constructor', async () => {
    using model = made();
    const { w, clip } = model;
    const path = join(folder, `${device.name}.safetensors`);
    await w.save(path);
    using again = Weights.open(path, device, { dtype: 'f32' });
    const loaded = new Clip(again, { vision, text });
    again.requireAllRead();
    expect(again.shapeOf('vision_model.embeddings.patch_embedding.weight')).toEqual([8, 3, 3, 3]);
    const found = new Map(again.entries());
    for (const [name, tensor] of w.entries())
      expect(await found.get(name)!.read(), name).toEqual(await tensor.read());
    // Kernels of GPUs sum in another order where rows of a file are not aligned.
    expectClose(await logitsOf(loaded), await logitsOf(clip), ofSum(12));
  });

  const logitsOf = (clip: Clip) => take(scope(() => forward(clip)));

  test('begins at the temperature of the paper', async () => {
    using w = Weights.fresh(device);
    const [scale] = await new Clip(w, { vision, text }).logitScale.read();
    expect(Math.exp(scale!)).toBeCloseTo(1 / 0.07, 5);
  });

  describe('refuses', () => {
    test.each([[[1, 7, 6, 3]], [[6, 6, 3]], [[1, 3, 6, 6]]])('pictures of %j', (extents) => {
      using model = made();
      const { clip } = model;
      expectRefusal(
        () => clip.vision.forward(device.zeros(extents)),
        'ERR_SHAPE',
        `clip: expected pixels to be [images, 6, 6, 3], got [${extents.join(', ')}]`,
      );
    });

    test.each([[[1, 6]], [[4]]])('texts of %j', (extents) => {
      using model = made();
      const { clip } = model;
      expectRefusal(
        () => clip.text.forward(device.zeros(extents, 'i32')),
        'ERR_SHAPE',
        `clip: expected ids to be [texts, tokens] of at most 5 tokens, got [${extents.join(', ')}]`,
      );
    });
  });
});
