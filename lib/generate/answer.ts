import type { Vocabulary } from '../text/vocabulary.ts';
import type { AnswerGrammar, TokenRule } from './answer_grammar.ts';
import type { DrawnToken, FedStream } from './decode_step.ts';
import type { Stream } from './stream.ts';

/** How the tokens of one answer are drawn. */
export interface Sampling {
  /** `u + guidance (c - u)` on the logits of codes; 1 leaves the stream without the condition out. */
  readonly guidance: number;
  /** Of codes and sizes; 0 keeps all. */
  readonly imageTopK: number;
  /** Of all other tokens. */
  readonly textTopK: number;
  /** 0 takes the most likely token. */
  readonly temperature: number;
  /** In (0, 1]. */
  readonly topP: number;
  /** In [0, 1). */
  readonly minP: number;
  /** 64 bits in two halves. */
  readonly seed: readonly [number, number];
}

/** What an answer asks of a step. */
export interface StepRequest {
  readonly fed: readonly FedStream[];
  /** With streams counted from the first of `fed`. */
  readonly drawn: readonly DrawnToken[];
}

/** What a step was good for. */
export interface AnswerStatistics {
  /** Forward passes. */
  steps: number;
  /** Tokens that were drawn, forced ones left out. */
  drawn: number;
  /** Drafts that were fed. */
  drafted: number;
  /** Drafts that turned out to be what was drawn. */
  accepted: number;
  /** Steps by their windows. */
  windows: Readonly<Record<number, number>>;
}

/**
 * An answer in the making. It is decided token by token; a step may besides try drafts of tokens that
 * follow, which count when they turn out to be what is drawn in their place. Noise is keyed by seed and
 * position, so that the answer is the same function of seed and logits for any window. Teng et al. 2024
 * (speculative Jacobi decoding), with draws that are coupled and acceptance that is exact.
 */
export class Answer {
  readonly grammar: AnswerGrammar;
  /** What was decided, in order. */
  readonly tokens: number[] = [];
  readonly statistics: AnswerStatistics = {
    steps: 0,
    drawn: 0,
    drafted: 0,
    accepted: 0,
    windows: {},
  };
  /** Why it cannot go on. */
  failure: { readonly error: unknown } | undefined;
  readonly cond: Stream;
  /** The same picture without the condition; empty while guidance does not act. */
  readonly uncond: Stream | undefined;
  private readonly sampling: Sampling;
  private readonly vocabulary: Vocabulary;
  private readonly maxTokens: number;
  /** Guesses of the tokens that follow, in order. */
  private drafts: number[] = [];

  /**
   * @param cond       its prompt
   * @param uncond     an empty one, where guidance is to act
   * @param maxTokens  of the answer
   */
  constructor(
    cond: Stream,
    uncond: Stream | undefined,
    grammar: AnswerGrammar,
    vocabulary: Vocabulary,
    sampling: Sampling,
    maxTokens: number,
  ) {
    this.cond = cond;
    this.uncond = uncond;
    this.grammar = grammar;
    this.vocabulary = vocabulary;
    this.sampling = sampling;
    this.maxTokens = maxTokens;
    this.acceptForced();
  }

  /** Whether all is decided, or there is no room for more. */
  get finished(): boolean {
    return (
      this.failure !== undefined || this.grammar.finished || this.tokens.length >= this.maxTokens
    );
  }

  /** Streams that a step feeds: that of the prompt, and where guidance acts that of the picture alone. */
  get streams(): readonly Stream[] {
    const guided = this.uncond && this.guides(this.grammar.rule());
    return guided ? [this.cond, this.uncond] : [this.cond];
  }

  /** @param window  tokens that a stream is fed at most, drafts included */
  request(window: number): StepRequest {
    const { streams } = this;
    const pending = this.cond.pending;
    const rules: TokenRule[] = [];
    const guesses: number[] = [];
    for (let ahead = 0; ; ahead++) {
      const rule = this.grammar.rule(ahead);
      if (!rule) break;
      rules.push(rule);
      if (pending.length + guesses.length >= window) break;
      const next = this.grammar.rule(ahead + 1);
      if (!next || this.tokens.length + ahead + 1 >= this.maxTokens) break;
      guesses.push(rule.forced ?? this.drafts[ahead] ?? this.guess(ahead, guesses));
    }
    // What comes after the last drawn token is not looked at.
    while (rules.length > 1 && rules.at(-1)!.forced !== undefined) {
      rules.pop();
      guesses.pop();
    }
    this.drafts = guesses;
    this.statistics.drafted += guesses.length;
    this.statistics.steps++;
    const { windows } = this.statistics;
    this.statistics.windows = { ...windows, [window]: (windows[window] ?? 0) + 1 };

    const fed = streams.map(({ pending, cached, reservation }) => ({
      tokens: [...pending, ...guesses],
      cached,
      pages: reservation.pages,
    }));
    const drawn = rules.flatMap((rule, ahead) =>
      rule.forced === undefined
        ? [this.draw(rule, ahead, pending.length - 1 + ahead, streams.length > 1)]
        : [],
    );
    return { fed, drawn };
  }

  /**
   * Decides as many tokens as the step allows: the drawn one, and each that was drawn after a draft
   * that was right.
   *
   * @param drawn  as many as the request asked for
   * @returns      how many drafts were right, and 1 when one was found to be wrong
   */
  accept(drawn: ArrayLike<number>): { readonly right: number; readonly wrong: number } {
    const { streams } = this;
    for (const stream of streams) stream.cached = stream.tokens.length;
    const guesses = this.drafts;
    this.drafts = [];
    let at = 0;
    for (let ahead = 0; ; ahead++) {
      const rule = this.grammar.rule();
      if (!rule) break;
      const token = rule.forced ?? drawn[at++];
      if (token === undefined) break;
      this.decide(token);
      if (rule.forced === undefined) this.statistics.drawn++;
      if (this.finished || guesses[ahead] !== token) {
        this.acceptForced();
        this.keepDrafts(drawn, at);
        return { right: ahead, wrong: ahead < guesses.length && !this.finished ? 1 : 0 };
      }
      // The draft is in the cache, and what was drawn after it holds.
      this.statistics.accepted++;
      for (const stream of streams) stream.cached++;
    }
    this.acceptForced();
    return { right: guesses.length, wrong: 0 };
  }

  /** Gives the pages back. */
  close(): void {
    this.cond.close();
    this.uncond?.close();
  }

  /** What was drawn past the first wrong draft is a better guess than any other. */
  private keepDrafts(drawn: ArrayLike<number>, at: number): void {
    for (let ahead = 0; at < drawn.length; ahead++) {
      const rule = this.grammar.rule(ahead);
      if (!rule) return;
      this.drafts.push(rule.forced ?? drawn[at++]!);
    }
  }

  private acceptForced(): void {
    for (let rule = this.grammar.rule(); rule && !this.finished; rule = this.grammar.rule()) {
      const token = rule.forced;
      if (token === undefined) return;
      this.decide(token);
    }
  }

  private decide(token: number): void {
    this.tokens.push(token);
    this.cond.tokens.push(token);
    this.grammar.accept(token);
    if (!this.uncond) return;
    if (!this.guides(this.grammar.rule())) this.uncond.clear();
    else if (this.uncond.tokens.length > 0) this.uncond.tokens.push(token);
    else this.uncond.tokens.push(...this.tokens.slice(this.grammar.imageBegin));
  }

  private draw(rule: TokenRule, ahead: number, after: number, guided: boolean): DrawnToken {
    const { guidance, imageTopK, textTopK, temperature, topP, minP, seed } = this.sampling;
    return {
      stream: 0,
      after,
      uncond: guided ? 1 : undefined,
      range: rule.range,
      topK: rule.topK === 'text' ? textTopK : imageTopK,
      guidance: guided ? guidance : 1,
      temperature,
      topP,
      minP,
      seed,
      position: this.tokens.length + ahead,
    };
  }

  private guides(rule: TokenRule | undefined): boolean {
    return rule?.guided === true && this.sampling.guidance !== 1;
  }

  /** The code above, or in the first row some code. */
  private guess(ahead: number, guesses: readonly number[]): number {
    const columns = this.grammar.codes?.columns ?? 0;
    const index = this.tokens.length + ahead - (columns + 1);
    const above =
      index < this.tokens.length ? this.tokens[index] : guesses[index - this.tokens.length];
    const [begin, end] = this.vocabulary.codes;
    if (above !== undefined && above >= begin && above < end) return above;
    const mixed = Math.imul(this.tokens.length + ahead + 1, 0x9e3779b1) >>> 0;
    return begin + (mixed % (end - begin));
  }
}
