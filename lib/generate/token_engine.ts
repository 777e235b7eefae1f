import type { Chameleon } from '../models/chameleon.ts';
import { KvCache } from '../models/kv_cache.ts';
import type { Vocabulary } from '../text/vocabulary.ts';
import { Answer, type Sampling } from './answer.ts';
import { AnswerGrammar, type AnswerGrammarOptions } from './answer_grammar.ts';
import { DecodeStep, type DrawnToken, type FedStream } from './decode_step.ts';
import { PagePool } from './page_pool.ts';
import { Stream, type StyleRows } from './stream.ts';

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
  /** Tokens that are fed at once, 1 to 64: 1 decides one token a step. */
  readonly window: number;
}

/**
 * Decides the tokens of many answers at once. Answers join and leave between two steps, and each is what
 * it would have been alone.
 */
export class TokenEngine {
  readonly cache: KvCache;
  readonly pool: PagePool;
  private readonly step: DecodeStep;
  private readonly vocabulary: Vocabulary;
  private readonly running = new Map<Answer, TokenRequest>();
  private stepping: Promise<void> | undefined;

  constructor(model: Chameleon, vocabulary: Vocabulary, options: TokenEngineOptions) {
    const { dtype = 'f32', cacheDtype = dtype, cacheTokens, maxTokens, recorded = true } = options;
    const { layers, kvHeads, headDim } = model.shape;
    const pages = Math.ceil(cacheTokens / pageTokens);
    const { device } = model.embedding.weight;
    this.vocabulary = vocabulary;
    this.cache = new KvCache(device, { layers, kvHeads, headDim, pages, pageTokens }, cacheDtype);
    this.pool = new PagePool(pages, pageTokens);
    this.step = new DecodeStep(model, this.cache, {
      dtype,
      codes: vocabulary.codes,
      maxPages: Math.min(pages, Math.ceil(maxTokens / pageTokens)),
      recorded,
    });
  }

  /** Answers that are not finished. */
  get active(): number {
    return this.running.size;
  }

  /**
   * Takes up a request and reads its prompt.
   *
   * @returns undefined when there is no room for it now
   * @throws `ERR_OUT_OF_MEMORY` when there never will be
   */
  admit(request: TokenRequest): Answer | undefined {
    const { prompt, style, maxTokens } = request;
    const cond = Stream.open(this.pool, prompt, prompt.length + maxTokens, style);
    if (!cond) return undefined;
    let uncond: Stream | undefined;
    try {
      if (request.guidance !== 1) uncond = Stream.open(this.pool, [], maxTokens);
    } catch (error) {
      cond.close();
      throw error;
    }
    if (request.guidance !== 1 && !uncond) {
      cond.close();
      return undefined;
    }
    const grammar = new AnswerGrammar(this.vocabulary, request.grammar);
    const answer = new Answer(cond, uncond, grammar, this.vocabulary, request, maxTokens);
    this.catchUp(cond, 1);
    cond.publish();
    if (!answer.finished) this.running.set(answer, request);
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
  }

  /** Frees the cache and the recordings; those of the model stay. */
  dispose(): void {
    this.step.dispose();
    this.cache.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  private async stepAll(): Promise<void> {
    const fed: FedStream[] = [];
    const drawn: DrawnToken[] = [];
    const answers = [...this.running];
    const counts = answers.map(([answer, { window }]) => {
      const [cond, uncond] = answer.streams;
      if (uncond) this.catchUp(uncond, cond!.pending.length);
      const request = answer.request(window);
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
        answer.accept(own);
      } catch (error) {
        answer.failure = { error };
      }
      if (answer.finished) this.running.delete(answer);
    });
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
