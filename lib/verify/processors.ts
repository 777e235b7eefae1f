import { z } from 'zod';
import { repeat } from '../ops/repeat.ts';
import { sample } from '../ops/sample.ts';
import type { Device } from '../tensor/device.ts';
import { keep } from '../tensor/lifetime.ts';
import { scope } from '../tensor/scope.ts';
import { ImageGrammar, type NextToken } from '../text/image_grammar.ts';
import { chameleonLayout, codeName, type Vocabulary, vocabularyOf } from '../text/vocabulary.ts';
import {
  type Check,
  compareExactly,
  compareNumbers,
  compareValues,
  type Verifier,
} from './check.ts';
import type { Fixture } from './fixture.ts';

const file = 'steps.safetensors';

const callSchema = z.object({ input_ids: z.array(z.int()), attention_mask: z.array(z.int()) });

const stepsSchema = z.object({
  vocab_size: z.int(),
  tokens: z.array(z.int()),
  guidance_scale: z.number(),
  image_top_k: z.int(),
  text_top_k: z.int(),
  image_start: z.int(),
  image_end: z.int(),
  new_line: z.int(),
  steps: z.array(
    z.object({
      prefix_length: z.int(),
      unconditional_call: callSchema.nullable(),
      kept_after_top_k: z.int(),
      argmax: z.int(),
    }),
  ),
  explicit_unconditional_ids_no_cache: z.object({
    given: z.array(z.int()),
    calls: z.array(callSchema),
  }),
});

type Script = z.infer<typeof stepsSchema>;

/** A step of the script and how the grammar says that its token is drawn. */
interface Step {
  readonly name: string;
  readonly rule: NextToken;
  readonly topK: number;
  readonly guidance: number;
  readonly scores: Float32Array;
  readonly uncond: Float32Array | undefined;
}

/**
 * Scores of scripted steps after guidance, grammar and top-k: by their definition, and as the device
 * draws from them.
 */
export const verifyProcessors: Verifier = async function* (fixture, { device }) {
  const script = stepsSchema.parse(fixture.json('steps.json'));
  const vocabulary = vocabularyOfScript(script);
  const grammar = new ImageGrammar(vocabulary);
  // How many tokens the stream without the condition has taken.
  let seen = 0;
  for (const { prefix_length: length, unconditional_call: call, ...want } of script.steps) {
    const name = `p${length}`;
    const rule = grammar.next(grammar.after(script.tokens.slice(0, length)));
    const { unconditional } = rule;
    seen = unconditional.length === 1 ? seen + 1 : unconditional.length;
    const got = { input_ids: unconditional, attention_mask: new Array(seen).fill(1) };
    yield compareExactly(`${name}.unconditional_call`, rule.guided ? got : null, call);
    const step = stepOf(fixture, script, name, rule);
    if (!step) {
      const forced = rule.forced === undefined ? 'several' : 'one';
      const kept = want.kept_after_top_k > 1 ? 'several' : 'one';
      yield compareExactly(`${name}.kept_after_top_k`, forced, kept);
      continue;
    }
    yield* checkKept(fixture, step, want.kept_after_top_k, want.argmax);
    if (rule.forced === undefined) yield* checkDrawn(fixture, device, step, want.argmax);
  }
  yield* checkWithoutCache(script, grammar);
};

/** The fixture says where the marks are; the rest is where Chameleon has it. */
function vocabularyOfScript(script: Script): Vocabulary {
  const { codes, gridBase, gridMax } = chameleonLayout;
  const names = new Map<string, number>();
  for (let code = 0; code < codes.count; code++) names.set(codeName(code), 4 + code);
  for (let n = gridBase; n <= gridBase + gridMax; n++) names.set(`<reserved0${n}>`, n + 4);
  const layout = {
    ...chameleonLayout,
    begin: 0,
    imageStart: script.image_start,
    imageEnd: script.image_end,
    newLine: script.new_line,
    stop: 8710,
    stylePlaceholder: undefined,
  };
  return vocabularyOf(names, layout, script.vocab_size);
}

/** Undefined of a step that is in the script for the unconditional call alone. */
function stepOf(fixture: Fixture, script: Script, name: string, rule: NextToken): Step | undefined {
  const values = (what: string) =>
    fixture.tensors(file).get(`${name}.${what}`)?.values as Float32Array | undefined;
  if (!values('kept_ids')) return undefined;
  return {
    name,
    rule,
    topK: rule.topK === 'image' ? script.image_top_k : script.text_top_k,
    guidance: rule.guided ? script.guidance_scale : 1,
    // Where one token is forced there are none.
    scores: values('scores') ?? new Float32Array(script.vocab_size),
    uncond: values('uncond'),
  };
}

function* checkKept(
  fixture: Fixture,
  step: Step,
  wantCount: number,
  wantArgmax: number,
): Generator<Check> {
  const { name, rule } = step;
  const guided = guide(step);
  const compare = (what: string, values: Float32Array) =>
    compareValues(fixture, file, `${name}.${what}`, { shape: [values.length], values });
  if (fixture.tensors(file).has(`${name}.after_cfg`)) yield compare('after_cfg', guided);
  const ids = keptIds(guided, rule.range, step.topK);
  const scores = rule.forced === undefined ? ids.map((id) => guided[id]!) : [0];
  const best = ids[scores.indexOf(Math.max(...scores))];
  yield compareExactly(`${name}.kept_ids`, ids, fixture.tensor(file, `${name}.kept_ids`).values);
  yield compareExactly(
    `${name}.kept_after_top_k and argmax`,
    [ids.length, best],
    [wantCount, wantArgmax],
  );
  yield compare('kept_scores', Float32Array.from(scores));
  yield compare('kept_probs', Float32Array.from(softmax(scores)));
}

/** `u + s (c - u)` */
function guide({ scores, uncond, guidance }: Step): Float32Array {
  return uncond ? scores.map((c, i) => uncond[i]! + guidance * (c - uncond[i]!)) : scores;
}

/** Ids in the range whose score is not below the k-th largest there. */
function keptIds(
  scores: Float32Array,
  [first, end]: readonly [number, number],
  topK: number,
): number[] {
  const least = scores.slice(first, end).sort().at(-topK) ?? Number.NEGATIVE_INFINITY;
  return [...scores.keys()].slice(first, end).filter((id) => scores[id]! >= least);
}

function softmax(scores: readonly number[]): number[] {
  const most = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - most));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

/** Enough draws to meet most of the tokens that are kept. */
const draws = 64;

/** What the device draws is kept, with the probability that it has there; the best is the best. */
async function* checkDrawn(
  fixture: Fixture,
  device: Device,
  { name, rule, topK, guidance, scores, uncond }: Step,
  wantArgmax: number,
): AsyncGenerator<Check> {
  const rows = (row: (i: number) => readonly number[]) =>
    Array.from({ length: draws }, (_, i) => row(i)).flat();
  const i32 = (row: (i: number) => readonly number[]) => {
    const values = Int32Array.from(rows(row));
    const width = values.length / draws;
    return device.from(values, width === 1 ? [draws] : [draws, width]);
  };
  const logits = (values: Float32Array) =>
    repeat(device.from(values, [values.length]), [draws, values.length]);
  const { tokens, logProbs } = scope(() => {
    // The first row takes the best.
    const settings = Float32Array.from(rows((i) => [guidance, i === 0 ? 0 : 1, 1, 0]));
    const sampled = sample(logits(scores), {
      uncond: uncond && logits(uncond),
      range: i32(() => rule.range),
      topK: i32(() => [topK]),
      settings: device.from(settings, [draws, 4]),
      seeds: i32((i) => [i, 0]),
      positions: i32(() => [0]),
      withLogProbs: true,
    });
    return { tokens: keep(sampled.tokens), logProbs: keep(sampled.logProbs!) };
  });
  const drawn = (await tokens.read()) as Int32Array;
  const got = ((await logProbs.read()) as Float32Array).map(Math.exp);
  tokens.dispose();
  logProbs.dispose();
  const ids = [...fixture.tensor(file, `${name}.kept_ids`).values];
  const probs = fixture.tensor(file, `${name}.kept_probs`).values;
  yield compareExactly(`${name} best drawn`, drawn[0], wantArgmax);
  const others = [...drawn].filter((id) => !ids.includes(id));
  yield compareExactly(`${name} drawn of none kept`, others, []);
  const shape = [draws - 1];
  const want = Float32Array.from(drawn.subarray(1), (id) => probs[ids.indexOf(id)] ?? 0);
  const bound = fixture.atol(file, `${name}.kept_probs`);
  yield compareNumbers(
    `${name} probabilities drawn`,
    { shape, values: got.subarray(1) },
    { shape, values: want },
    bound,
  );
}

/** A stream without the condition that is given a prompt, and each time all of it. */
function* checkWithoutCache(script: Script, grammar: ImageGrammar): Generator<Check> {
  const { given, calls } = script.explicit_unconditional_ids_no_cache;
  const codes = script.tokens.slice(script.tokens.indexOf(script.image_start) + 3);
  let state = grammar.after(given);
  let seen = given.slice(0, given.lastIndexOf(script.image_start));
  for (const [i, call] of calls.entries()) {
    seen = [...seen, ...grammar.next(state).unconditional];
    const got = { input_ids: seen, attention_mask: seen.map(() => 1) };
    yield compareExactly(`explicit_unconditional_ids_no_cache.${i}`, got, call);
    state = grammar.advance(state, codes[i]!);
  }
}
