import { StylearError } from '../error.ts';
import type { Chameleon } from '../models/chameleon.ts';
import { KvCache } from '../models/kv_cache.ts';
import type { Vocabulary } from '../text/vocabulary.ts';
import { Answer, type Sampling } from './answer.ts';
import { AnswerGrammar, type AnswerGrammarOptions } from './answer_grammar.ts';
import { DecodeStep, type DrawnToken, type FedStream } from './decode_step.ts';
import { type Caller, Line, type Want } from './line.ts';
import { PagePool } from './page_pool.ts';
import { Stream, type StyleRows } from './stream.ts';
import { WindowChoice } from './window_choice.ts';

/** Tokens in a page of the cache. */
export const pageTokens = 16;

export interface TokenEngineOptions {
  /** Of the activations; f32 unless told. */
  readonly dtype?: 'f32' | 'bf16' | undefined;
  /** Of the cache; that of the activations unless told. */
  readonly cacheDtype?: 'f32' | 'bf16' | undefined;
  /** Tokens that the cache has room for, over all sequences. */
  readonly cacheTokens: number;
  /** Tokens that one sequence can have. */
  readonly maxTokens: number;
  /** Record steps and replay them; true unless told. */
  readonly recorded?: boolean | undefined;
}

/** A prompt that is to be answered with a picture. */
export interface TokenRequest extends Sampling {
  readonly prompt: readonly number[];
  readonly style?: StyleRows | undefined;
  readonly grammar?: AnswerGrammarOptions | undefined;
  /** Of the answer. */
  readonly maxTokens: number;
  /** Tokens that are fed at once, 1 to 64: 1 decides one token a step. `auto` is what is fastest. */
  readonly window: number | 'auto';
}

/**
 * Decides the tokens of many answers at once. Answers join and leave between two steps, and each is what
 * it would have been alone.
 */
export class TokenEngine {
  readonly cache: KvCache;
  readonly pool: PagePool;
  /** Who is given room next. */
  readonly line = new Line();
  /** What `auto` windows are chosen by. */
  readonly choice: WindowChoice;
  private readonly step: DecodeStep;
  private readonly vocabulary: Vocabulary;
  private readonly running = new Map<Answer, TokenRequest>();
  private readonly maxTokens: number;
  private stepping: Promise<void> | undefined;
  private disposed = false;

  constructor(model: Chameleon, vocabulary: Vocabulary, options: TokenEngineOptions) {
    const { dtype = 'f32', cacheDtype = dtype, cacheTokens, maxTokens, recorded = true } = options;
    const { layers, kvHeads, headDim } = model.shape;
    const pages = Math.ceil(cacheTokens / pageTokens);
    const { device } = model.embedding.weight;
    this.vocabulary = vocabulary;
    this.maxTokens = maxTokens;
    this.cache = new KvCache(device, { layers, kvHeads, headDim, pages, pageTokens }, cacheDtype);
    this.pool = new PagePool(pages, pageTokens);
    this.step = new DecodeStep(model, this.cache, {
      dtype,
      codes: vocabulary.codes,
      maxPages: Math.min(pages, Math.ceil(maxTokens / pageTokens)),
      recorded,
    });
    this.choice = new WindowChoice((streams, window) => this.secondsOfStep(streams, window));
  }

  /** Answers that are not finished. */
  get active(): number {
    return this.running.size;
  }

  /** Whether it was disposed of; then it takes up and decides nothing more. */
  get closed(): boolean {
    return this.disposed;
  }

  /**
   * Takes up a request and reads its prompt.
   *
   * @param caller  who then waits in line where there is no room, or others come first
   * @param want    what it waits for
   * @returns       undefined when there is no room for it now
   * @throws `ERR_OUT_OF_MEMORY` when there never will be, `ERR_VALUE` when a sequence can never be so
   *         long, `ERR_DISPOSED` when the engine is closed
   */
  admit(request: TokenRequest, caller?: Caller, want: Want = { priority: 0 }): Answer | undefined {
    this.requireOpen();
    const { maxTokens } = request;
    this.requireFit(request);
    if (!this.line.lets(caller, want)) return undefined;
    const streams = this.openStreams(request);
    if (!streams) {
      if (caller) this.line.short(caller, want);
      return undefined;
    }
    const { cond, uncond } = streams;
    const grammar = new AnswerGrammar(this.vocabulary, request.grammar);
    const answer = new Answer(cond, uncond, grammar, this.vocabulary, request, maxTokens);
    this.catchUp(cond, 1);
    cond.publish();
    if (!answer.finished) this.running.set(answer, request);
    this.line.hold(answer, caller);
    return answer;
  }

  /**
   * One step of every answer that is not finished. Those that are then are left to the caller. Whoever
   * asks for a step while one is running waits for that one.
   */
  advance(): Promise<void> {
    this.stepping ??= this.stepAll().finally(() => {
      this.stepping = undefined;
    });
    return this.stepping;
  }

  /** Lets an answer go, finished or not; its pages are free for the next. */
  release(answer: Answer): void {
    this.running.delete(answer);
    answer.close();
    this.line.release(answer);
  }

  /** Frees the cache and the recordings; those of the model stay. What waits or runs is refused. */
  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    this.step.dispose();
    this.cache.dispose();
    this.line.close();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Throws `ERR_DISPOSED` when it is closed, with what came of that as the cause. */
  requireOpen(cause?: unknown): void {
    if (!this.disposed) return;
    throw new StylearError(
      'ERR_DISPOSED',
      'generate: expected the model to be open, got one that was closed',
      { cause },
    );
  }

  /** The streams of an answer; undefined when there is no room for them now. */
  private openStreams({
    prompt,
    style,
    maxTokens,
    guidance,
  }: TokenRequest): { readonly cond: Stream; readonly uncond: Stream | undefined } | undefined {
    const cond = Stream.open(this.pool, prompt, prompt.length + maxTokens, style);
    if (!cond || guidance === 1) return cond && { cond, uncond: undefined };
    let uncond: Stream | undefined;
    try {
      uncond = Stream.open(this.pool, [], maxTokens);
      return uncond && { cond, uncond };
    } finally {
      if (!uncond) cond.close();
    }
  }

  private requireFit({ prompt, maxTokens, guidance }: TokenRequest): void {
    const tokens = prompt.length + maxTokens;
    if (tokens > this.maxTokens) {
      const expected = `at most ${this.maxTokens} tokens`;
      throw new StylearError(
        'ERR_VALUE',
        `generate: expected prompt and answer to have ${expected} together, got ${tokens}`,
      );
    }
    const pagesOf = (count: number) => Math.ceil(count / pageTokens);
    const pages = pagesOf(tokens) + (guidance === 1 ? 0 : pagesOf(maxTokens));
    if (pages <= this.pool.total) return;
    const pageBytes = this.cache.bytes / this.pool.total;
    throw new StylearError(
      'ERR_OUT_OF_MEMORY',
      `generate: expected cacheBytes to be at least ${pages * pageBytes} for a picture of ` +
        `${maxTokens} tokens, got ${this.pool.total * pageBytes}`,
    );
  }

  private async stepAll(): Promise<void> {
    this.requireOpen();
    const fed: FedStream[] = [];
    const drawn: DrawnToken[] = [];
    const chosen = await this.chosenWindow();
    const answers = [...this.running];
    const counts = answers.map(([answer, { window }]) => {
      const [cond, uncond] = answer.streams;
      if (uncond) this.catchUp(uncond, cond!.pending.length);
      const request = answer.request(window === 'auto' ? chosen : window);
      const offset = fed.length;
      fed.push(...request.fed);
      for (const token of request.drawn) {
        const { stream, uncond } = token;
        const uncondAt = uncond === undefined ? undefined : uncond + offset;
        drawn.push({ ...token, stream: stream + offset, uncond: uncondAt });
      }
      return request.drawn.length;
    });
    if (answers.length === 0) return;
    const tokens = await this.step.run(fed, drawn);
    let at = 0;
    answers.forEach(([answer], i) => {
      const own = tokens.subarray(at, at + counts[i]!);
      at += counts[i]!;
      // It may have been dropped while the step ran.
      if (!this.running.has(answer)) return;
      try {
        const { right, wrong } = answer.accept(own);
        this.choice.observe(right, wrong);
      } catch (error) {
        answer.failure = { error };
      }
      if (answer.finished) this.running.delete(answer);
    });
  }

  private async chosenWindow(): Promise<number> {
    const requests = [...this.running];
    if (!requests.some(([, { window }]) => window === 'auto')) return 1;
    return this.choice.next(requests.reduce((sum, [{ streams }]) => sum + streams.length, 0));
  }

  /** The least of a few steps, as they are in the middle of pictures; nothing is left of them. */
  private async secondsOfStep(streams: number, window: number): Promise<number> {
    const [code] = this.vocabulary.codes;
    const middle = Math.ceil(Math.max(window, this.maxTokens / 4) / pageTokens);
    const pages = Math.min(this.pool.total, Math.ceil(this.maxTokens / pageTokens), middle);
    const cached = pages * pageTokens - window;
    if (cached < 0) return Number.POSITIVE_INFINITY;
    const scratch = {
      tokens: Array.from({ length: window }, () => code),
      cached,
      pages: Array.from({ length: pages }, (_, page) => page),
      scratch: true,
    };
    const fed = Array.from({ length: streams }, () => scratch);
    const sampling = { topK: 0, temperature: 1, topP: 1, minP: 0, seed: [0, 0] as const };
    // Pictures have two streams where they are guided, which most are.
    const guided = streams % 2 === 0;
    const drawn: DrawnToken[] = [];
    for (let stream = 0; stream < streams; stream += guided ? 2 : 1)
      for (let after = 0; after < window; after++)
        drawn.push({
          ...sampling,
          range: this.vocabulary.codes,
          stream,
          after,
          uncond: guided ? stream + 1 : undefined,
          guidance: guided ? 3 : 1,
          position: after,
        });
    let least = Number.POSITIVE_INFINITY;
    // The first one warms up.
    for (let repeat = 0; repeat < 4; repeat++) {
      const began = performance.now();
      await this.step.run(fed, drawn);
      if (repeat > 0) least = Math.min(least, (performance.now() - began) / 1000);
    }
    return least;
  }

  /** Feeds a stream what it has pending, but for the last tokens. */
  private catchUp(stream: Stream, left: number): void {
    const { tokens, cached, style, reservation } = stream;
    const end = tokens.length - left;
    if (end <= cached) return;
    const slots = tokens.slice(cached, end).map((_, i) => style?.places.indexOf(cached + i) ?? -1);
    this.step.fill(
      { tokens: tokens.slice(cached, end), cached, pages: reservation.pages },
      style && { rows: style.rows, slots },
    );
    stream.cached = end;
  }
}
