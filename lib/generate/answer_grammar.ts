// The grammar of pictures as a step needs it: not only of the next token but of those after it.
import { StylearError } from '../error.ts';
import {
  type GrammarState,
  ImageGrammar,
  type ImageGrammarOptions,
  type NextToken,
} from '../text/image_grammar.ts';
import { codeShape } from '../text/image_tokens.ts';
import { gridUnitsOf, type Vocabulary } from '../text/vocabulary.ts';

export interface AnswerGrammarOptions extends ImageGrammarOptions {
  /** Draw what precedes a picture and what follows it, instead of one picture alone. */
  readonly withText?: boolean | undefined;
}

/** How a token is drawn; see `NextToken`. */
export type TokenRule = Pick<NextToken, 'range' | 'forced' | 'topK' | 'guided'>;

/** The grammar of an answer, token by token. */
export class AnswerGrammar {
  private readonly grammar: ImageGrammar;
  private readonly withText: boolean;
  private state: GrammarState;
  private length = 0;
  private ended = false;
  /** The index in the answer of the last picture's start; -1 before it. */
  imageBegin = -1;

  constructor(vocabulary: Vocabulary, { sizes, withText = false }: AnswerGrammarOptions = {}) {
    this.grammar = new ImageGrammar(vocabulary, { sizes });
    this.withText = withText;
    this.state = this.grammar.after([]);
  }

  get finished(): boolean {
    return this.ended;
  }

  /** Rows and columns of the last picture that was begun; undefined before its size is known. */
  get codes(): { readonly rows: number; readonly columns: number } | undefined {
    const { vocabulary } = this.grammar;
    const [, height, width] = this.state.head.map((token) => gridUnitsOf(vocabulary, token));
    if (height === undefined || width === undefined) return undefined;
    return codeShape(vocabulary, { height, width });
  }

  /**
   * How the token `ahead` places after the next one is drawn; undefined where that depends on what comes
   * before it, and past the end of the picture.
   */
  rule(ahead = 0): TokenRule | undefined {
    if (this.ended) return undefined;
    let { state } = this;
    for (let i = 0; i < ahead; i++) {
      const { guided, range } = this.grammar.next(state);
      // Where a code stands does not depend on which it is.
      if (guided) state = this.grammar.advance(state, range[0]);
      if (!guided || !this.grammar.inside(state)) return undefined;
    }
    const next = this.grammar.next(state);
    if (this.withText || this.grammar.inside(state)) return next;
    const { imageStart } = this.grammar.vocabulary;
    return { ...next, range: [imageStart, imageStart + 1], forced: imageStart };
  }

  /**
   * The next token of the answer.
   *
   * @throws `ERR_VALUE` when it ends a size that is none
   */
  accept(token: number): void {
    const { imageStart, imageEnd, stop } = this.grammar.vocabulary;
    const wasInside = this.grammar.inside(this.state);
    this.state = this.grammar.advance(this.state, token);
    if (token === imageStart) this.imageBegin = this.length;
    this.length++;
    if (wasInside && token === imageEnd) this.ended = !this.withText || imageEnd === stop;
    else if (!wasInside && token === stop) this.ended = true;
    if (this.grammar.next(this.state).fault !== 'size') return;
    const [, height, width] = this.state.head;
    throw new StylearError(
      'ERR_VALUE',
      `generate: expected the model to draw a height and a width, got the tokens ${height} and ` +
        `${width}. Name the sizes that it may draw.`,
    );
  }
}
