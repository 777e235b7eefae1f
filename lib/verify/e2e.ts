import * as z from 'zod';
import type { Answer, Sampling } from '../generate/answer.ts';
import { StyleAR } from '../generate/stylear.ts';
import type { TokenRequest } from '../generate/token_engine.ts';
import { clipPixels } from '../image/clip_pixels.ts';
import { decodePicture } from '../image/decode.ts';
import { fitCrop } from '../image/fit_crop.ts';
import type { Picture } from '../image/picture.ts';
import { pictureOfVqganPixels, vqganPixels } from '../image/vqgan_pixels.ts';
import { gather } from '../ops/embedding.ts';
import { reshape } from '../ops/reshape.ts';
import { scope } from '../tensor/scope.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { partsOf, textOfParts } from '../text/generated.ts';
import { gridOfPixels, imageTokens } from '../text/image_tokens.ts';
import { type Prompt, promptOf } from '../text/prompt.ts';
import { gridUnitsOf } from '../text/vocabulary.ts';
import {
  type Check,
  type Context,
  compareExactly,
  compareNumbers,
  comparePicture,
  compareTensor,
  multipleOf,
  type Verifier,
} from './check.ts';
import type { Fixture } from './fixture.ts';

const whole = z.int();
/** Ids and logits, the largest first. */
const topSchema = z.array(z.tuple([whole, z.number()]));
const runSchema = z.object({
  name: z.string(),
  references: z.array(z.string()).min(1).max(2),
  condition_image: z.string().nullable(),
  prompt: z.string(),
  prompt_ids: z.array(whole),
  style_index: z.array(z.array(whole)),
  cfg: z.number(),
  image_top_k: whole,
  text_top_k: whole,
  tokens: z.array(whole),
  decoded_text: z.string(),
  /** Left and upper of each picture that was cropped: what was drawn, and from how many. */
  random_crop_offsets: z.array(z.tuple([whole, whole])),
  steps: z.array(
    z.object({
      token: whole,
      cond: topSchema,
      uncond: topSchema.optional(),
      cfg: topSchema.optional(),
      margin: z.number().optional(),
    }),
  ),
});
type Run = z.output<typeof runSchema>;

/** The whole of it: pictures and words to style tokens, prompts, tokens, and pictures again. */
export const verifyE2e: Verifier = async function* (fixture, context) {
  const { device, dtype } = context;
  await using stylear = await StyleAR.load(
    {
      transformer: fixture.path('ckpt'),
      adapter: fixture.path('stylear', 'model.safetensors'),
      resampler: fixture.path('stylear', 'image_proj.pth'),
      resamplerConfig: fixture.path('stylear', 'resampler_config.json'),
      clip: `${fixture.beside('clip')}/ckpt`,
      vqgan: `${fixture.beside('vqgan')}/ckpt`,
      tokenizer: `${fixture.beside('tokenizer')}/hf`,
    },
    { device, dtype },
  );
  const runs = z.array(runSchema).parse(fixture.json('runs.json'));
  for (const run of runs) yield* new RunCheck(fixture, context, stylear, run).all();
  yield* forward(fixture, context, stylear, runs[0]!);
};

/** One generation of the reference. */
class RunCheck {
  private readonly fixture: Fixture;
  private readonly context: Context;
  private readonly stylear: StyleAR;
  private readonly run: Run;

  constructor(fixture: Fixture, context: Context, stylear: StyleAR, run: Run) {
    this.fixture = fixture;
    this.context = context;
    this.stylear = stylear;
    this.run = run;
  }

  async *all(): AsyncGenerator<Check> {
    const { run, stylear } = this;
    const { tokenizer, vocabulary } = stylear.preparation;
    const references = await Promise.all(run.references.map((name) => this.picture(name)));
    using style = scope(() => {
      const [reference, subject] = references.map((picture) => this.clipTensor(picture));
      return stylear.preparation.model.encoder.encode(reference!, { subject });
    });
    const file = `run_${run.name}.safetensors`;
    yield await compareTensor(this.fixture, file, 'style_embeds', style);

    const prompt = await this.prompt();
    yield compareExactly(`${run.name}: prompt ids`, prompt.ids, run.prompt_ids);
    yield compareExactly(`${run.name}: style index`, prompt.styleIndex, run.style_index[0]);

    for (const window of [1, 8]) {
      const answer = await this.answer(prompt, style, window);
      const { length, detail } = this.comparable();
      const check = compareExactly(
        `${run.name}: tokens, ${window} at a time`,
        answer.tokens.slice(0, length),
        run.tokens.slice(0, length),
      );
      yield { ...check, detail: check.detail ?? detail };
    }
    yield* this.logits(prompt, style, file);

    const parts = partsOf(vocabulary, run.tokens);
    const text = textOfParts(tokenizer, vocabulary, parts);
    yield compareExactly(`${run.name}: decoded text`, text, run.decoded_text);
    for (const part of parts) {
      if (part.kind !== 'image') continue;
      const { model } = stylear.preparation;
      const columns = part.grid.width * vocabulary.codesPerUnit;
      const shape = [1, part.codes.length / columns, columns];
      using pixels = scope(() => model.vqgan.decode(this.context.device.from(part.codes, shape)));
      const [, height, width] = pixels.shape as [number, number, number];
      const ours = pictureOfVqganPixels((await pixels.read()) as Float32Array, width, height);
      const theirs = await this.picture(`generated_${run.name}`);
      yield comparePicture(`${run.name}: picture`, ours.pixels, theirs.pixels);
    }
  }

  /** Logits of every step, from whole sequences: as in the file, and in the largest ones of each step. */
  private async *logits(prompt: Prompt, style: Tensor, file: string): AsyncGenerator<Check> {
    const { run, fixture } = this;
    const multiple = multipleOf(this.context.dtype);
    const bound = fixture.atol(file, 'step0.cond') * multiple;
    const before = prompt.ids.length;
    const cond = await this.rowsOf([...prompt.ids, ...run.tokens], prompt.styleIndex, style);
    const uncond = await this.rowsOf(run.tokens, [], style);
    const { size } = this.stylear.preparation.vocabulary;
    const row = (values: Float32Array, at: number) => values.subarray(at * size, (at + 1) * size);
    const condAt = (step: number) => row(cond, before + step - 1);
    const uncondAt = (step: number) => row(uncond, step - 1);
    for (const [name, values] of [
      ['step0.cond', condAt(0)],
      ['step3.cond', condAt(3)],
      ['step3.uncond', uncondAt(3)],
    ] as const) {
      const got = { shape: [values.length], values };
      yield compareNumbers(`${file}:${name}`, got, fixture.tensor(file, name), bound);
    }
    const found = { cond: [] as number[], uncond: [] as number[], cfg: [] as number[] };
    const wanted = { cond: [] as number[], uncond: [] as number[], cfg: [] as number[] };
    run.steps.forEach((step, i) => {
      const [c, u] = [condAt(i), i > 0 ? uncondAt(i) : undefined];
      const logit = {
        cond: (id: number) => c[id]!,
        uncond: (id: number) => u![id]!,
        cfg: (id: number) => u![id]! + run.cfg * (c[id]! - u![id]!),
      };
      for (const kind of ['cond', 'uncond', 'cfg'] as const)
        for (const [id, value] of step[kind] ?? []) {
          // Guidance multiplies roundings too, and masked entries are written as they are.
          found[kind].push(logit[kind](id));
          wanted[kind].push(value);
        }
    });
    for (const kind of ['cond', 'uncond', 'cfg'] as const) {
      const of = (list: number[]) => ({ shape: [list.length], values: Float32Array.from(list) });
      // Values in runs.json have five decimals; guidance 4 takes 7 roundings of a logit.
      const slack = (kind === 'cfg' ? 2 * run.cfg - 1 : 1) * bound + 1e-5;
      const name = `${run.name}: ${kind} logits of all steps`;
      yield compareNumbers(name, of(found[kind]), of(wanted[kind]), slack);
    }
  }

  /** Logits of every token of one sequence, `[tokens, vocabulary]`. */
  private async rowsOf(
    ids: readonly number[],
    places: readonly number[],
    style: Tensor,
  ): Promise<Float32Array> {
    const { device, dtype } = this.context;
    const { chameleon } = this.stylear.preparation.model;
    const logits = scope(() => {
      const x = chameleon.embed(device.from(Int32Array.from(ids), [1, ids.length]), {
        ...(places.length > 0 ? styleRows(style, places, ids.length, dtype) : { dtype }),
      });
      const positions = device.from(
        Int32Array.from(ids, (_, i) => i),
        [1, ids.length],
      );
      return chameleon.head.forward(chameleon.forward(x, positions));
    });
    const values = (await logits.read()) as Float32Array;
    logits.dispose();
    return values;
  }

  /** The most likely token every time. */
  private async answer(prompt: Prompt, style: Tensor, window: number): Promise<Answer> {
    const { run, stylear } = this;
    const { dtype } = this.context;
    const { rows } = scope(() => ({
      rows: styleRows(style, prompt.styleIndex, prompt.ids.length, dtype).rows,
    }));
    const greedy: Sampling = {
      guidance: run.cfg,
      imageTopK: run.image_top_k,
      textTopK: run.text_top_k,
      temperature: 0,
      topP: 1,
      minP: 0,
      seed: [0, 0],
    };
    const request: TokenRequest = {
      ...greedy,
      prompt: prompt.ids,
      style: { rows, places: prompt.styleIndex, key: run.name },
      grammar: { withText: true },
      maxTokens: run.tokens.length,
      window,
    };
    const answer = stylear.engine.admit(request);
    if (!answer) throw new Error('a cache that was free has no room');
    try {
      while (!answer.finished) await stylear.engine.advance();
      if (answer.failure) throw answer.failure.error;
      return answer;
    } finally {
      stylear.engine.release(answer);
      rows.dispose();
    }
  }

  /** How many tokens rounding cannot change, and why no more are compared. */
  private comparable(): { readonly length: number; readonly detail: string | undefined } {
    const { run, context } = this;
    if (context.dtype === 'f32') return { length: run.tokens.length, detail: undefined };
    const bound = this.fixture.atol(`run_${run.name}.safetensors`, 'step0.cond');
    // Two logits may move towards each other, each by what guidance makes of the roundings.
    const least = 2 * (2 * run.cfg - 1) * bound * multipleOf(context.dtype);
    const close = run.steps.findIndex(({ margin }) => margin !== undefined && margin < least);
    if (close < 0) return { length: run.tokens.length, detail: undefined };
    const detail = `${close} of ${run.tokens.length} tokens: then two logits are closer than ${least.toFixed(2)}`;
    return { length: close, detail };
  }

  private async prompt(): Promise<Prompt> {
    const { run, stylear } = this;
    const { tokenizer, vocabulary } = stylear.preparation;
    if (run.condition_image === null)
      return promptOf(tokenizer, vocabulary, 'style', { prompt: run.prompt });
    return promptOf(tokenizer, vocabulary, 'styleAndImage', {
      prompt: run.prompt,
      image: await this.conditionTokens(run.condition_image),
    });
  }

  private async conditionTokens(name: string): Promise<number[]> {
    const { run, stylear } = this;
    const { vocabulary, model } = stylear.preparation;
    const start = run.prompt_ids.indexOf(vocabulary.imageStart);
    const [height, width] = run.prompt_ids
      .slice(start + 1, start + 3)
      .map((id) => (gridUnitsOf(vocabulary, id) ?? 0) * vocabulary.unitPixels) as [number, number];
    const [[left] = [0], [top] = [0]] = run.random_crop_offsets;
    const cropped = fitCrop(await this.picture(name), { width, height }, { left, top });
    using pixels = this.context.device.from(vqganPixels(cropped), [1, height, width, 3]);
    using codes = model.vqgan.encode(pixels);
    return imageTokens(vocabulary, gridOfPixels(vocabulary, { width, height }), await codes.read());
  }

  private picture(name: string): Promise<Picture> {
    return decodePicture(this.fixture.path('images', `${name}.png`));
  }

  private clipTensor(picture: Picture): Tensor {
    const { preprocessing } = this.stylear.preparation;
    const { height, width } = preprocessing.crop;
    return this.context.device.from(clipPixels([picture], preprocessing), [1, height, width, 3]);
  }
}

/** A whole sequence with style rows and adapter, and without style rows. */
async function* forward(
  fixture: Fixture,
  { device, dtype }: Context,
  stylear: StyleAR,
  run: Run,
): AsyncGenerator<Check> {
  const file = 'forward.safetensors';
  const { chameleon } = stylear.preparation.model;
  const multiple = multipleOf(dtype);
  const given = (name: string) => {
    const { shape, values } = fixture.tensor(file, name);
    return device.from(values, shape);
  };
  const results = scope(() => {
    const ids = given('ids');
    const [, tokens] = ids.shape as [number, number];
    const positions = device.from(
      Int32Array.from({ length: tokens }, (_, i) => i),
      [1, tokens],
    );
    const selected = given('sel');
    const logitsOf = (hidden: Tensor, rows: Tensor) =>
      chameleon.head.forward(gather(reshape(hidden, [tokens, chameleon.shape.dim]), rows));
    const rows = styleRows(given('embeds'), run.style_index[0]!, tokens, dtype);
    const styled = chameleon.forward(chameleon.embed(ids, rows), positions);
    const plain = chameleon.forward(chameleon.embed(ids, { dtype }), positions);
    return {
      hidden_last: styled,
      logits_sel: logitsOf(styled, selected),
      plain_logits_sel: logitsOf(plain, selected.slice(0, 1)),
    };
  });
  for (const [name, got] of Object.entries(results)) {
    yield await compareTensor(fixture, file, name, got, multiple);
    got.dispose();
  }
}

/** Style tokens as an embedding takes them. */
function styleRows(
  style: Tensor,
  places: readonly number[],
  tokens: number,
  dtype: Context['dtype'],
): { readonly rows: Tensor; readonly slots: Tensor } {
  const { device } = style;
  const width = style.shape.at(-1)!;
  const slots = new Int32Array(tokens).fill(-1);
  places.forEach((place, row) => {
    slots[place] = row;
  });
  const rows = device.tensor([style.count / width, width], dtype);
  const flat = style.reshape(rows.shape);
  if (dtype === 'f32') device.run('add', { x: flat, z: rows, alpha: 1, beta: 0 });
  else device.run('cast', { x: flat, y: rows });
  return { rows, slots: device.from(slots, [1, tokens]) };
}
