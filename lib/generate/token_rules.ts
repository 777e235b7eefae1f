// What the next token of a picture may be: spec of Lumina-mGPT's image grammar.

import { StylearError } from '../error.ts';

/** No picture has more codes and new-lines than this. */
const maxImageTokens = 2 ** 16;

/** The ids that pictures are made of. */
export interface ImageVocabulary {
  readonly imageStart: number;
  readonly imageEnd: number;
  readonly newLine: number;
  /** Ends a turn. */
  readonly stop: number;
  /** Ids of codes: first and one past the last. */
  readonly codes: readonly [number, number];
  /** The id of the grid size 0; `n` units have the id `grid + n`. */
  readonly grid: number;
  /** Codes along a side of one grid unit. */
  readonly codesPerUnit: number;
  /** How many ids there are in all. */
  readonly size: number;
}

/** A picture's size in grid units. */
export interface GridSize {
  readonly height: number;
  readonly width: number;
}

/** How one token is drawn. */
export interface TokenRule {
  /** Legal ids, first and one past the last; one alone is forced. */
  readonly range: readonly [number, number];
  /** Whether guidance acts and which top-k does. */
  readonly kind: 'text' | 'size' | 'code';
}

export interface GrammarOptions {
  /** The sizes that may be drawn; any, and any other token, unless told. */
  readonly sizes?: readonly GridSize[] | undefined;
  /** The size to draw. */
  readonly size?: GridSize | undefined;
  /** Draw what precedes a picture and what follows it, instead of the picture alone. */
  readonly withText?: boolean | undefined;
}

/** Where in the answer we are. */
type State =
  | { readonly at: 'text' }
  | { readonly at: 'height' }
  | { readonly at: 'width'; readonly height: number }
  | {
      readonly at: 'codes';
      readonly begin: number;
      readonly rows: number;
      readonly columns: number;
    }
  | { readonly at: 'end' };

/** The grammar of an answer, token by token. */
export class ImageGrammar {
  private readonly vocabulary: ImageVocabulary;
  private readonly options: GrammarOptions;
  private state: State = { at: 'text' };
  private count = 0;
  /** Where in the answer the last picture begins: the index of its start token; -1 before it. */
  imageBegin = -1;

  constructor(vocabulary: ImageVocabulary, options: GrammarOptions = {}) {
    this.vocabulary = vocabulary;
    this.options = options;
  }

  get finished(): boolean {
    return this.state.at === 'end';
  }

  /** Rows and columns of codes of the picture that is being drawn; undefined outside of its codes. */
  get codes(): { readonly rows: number; readonly columns: number } | undefined {
    return this.state.at === 'codes' ? this.state : undefined;
  }

  /** How many tokens the answer has so far. */
  get length(): number {
    return this.count;
  }

  /**
   * How the token `ahead` places after the next one is drawn; undefined where that depends on what
   * comes before it, or past the end.
   */
  rule(ahead = 0): TokenRule | undefined {
    const { state } = this;
    if (state.at === 'codes') return this.codeRule(this.count + ahead, state);
    if (ahead > 0 || state.at === 'end') return undefined;
    const { vocabulary, options } = this;
    const all = [0, vocabulary.size] as const;
    if (state.at === 'text')
      return { range: options.withText ? all : only(vocabulary.imageStart), kind: 'text' };
    const sizes = options.size ? [options.size] : options.sizes;
    if (!sizes) return { range: all, kind: 'size' };
    const sides =
      state.at === 'height'
        ? sizes.map(({ height }) => height)
        : sizes.filter(({ height }) => height === state.height).map(({ width }) => width);
    const range = [Math.min(...sides), Math.max(...sides) + 1].map((n) => n + vocabulary.grid);
    return { range: range as [number, number], kind: 'size' };
  }

  /** The next token of the answer. */
  accept(token: number): void {
    const { vocabulary, state } = this;
    const index = this.count++;
    switch (state.at) {
      case 'text':
        if (token === vocabulary.imageStart) {
          this.imageBegin = index;
          this.state = { at: 'height' };
        } else if (token === vocabulary.stop) this.state = { at: 'end' };
        return;
      case 'height':
        this.state = { at: 'width', height: token - vocabulary.grid };
        return;
      case 'width': {
        const side = (units: number) => units * vocabulary.codesPerUnit;
        const [rows, columns] = [side(state.height), side(token - vocabulary.grid)];
        if (!(rows >= 1 && columns >= 1 && rows * (columns + 1) <= maxImageTokens)) {
          throw new StylearError(
            'ERR_VALUE',
            `generate: expected the model to draw a size of 1 to ${maxImageTokens} tokens, got ` +
              `${rows} rows of ${columns}. Name the sizes that it may draw.`,
          );
        }
        this.state = { at: 'codes', begin: index + 1, rows, columns };
        return;
      }
      case 'codes':
        if (token !== vocabulary.imageEnd) return;
        this.state = this.options.withText ? { at: 'text' } : { at: 'end' };
        return;
      case 'end':
    }
  }

  private codeRule(
    index: number,
    { begin, rows, columns }: Extract<State, { readonly at: 'codes' }>,
  ): TokenRule | undefined {
    const { vocabulary } = this;
    const place = index - begin;
    if (place > rows * (columns + 1)) return undefined;
    if (place === rows * (columns + 1)) return { range: only(vocabulary.imageEnd), kind: 'code' };
    if (place % (columns + 1) === columns) return { range: only(vocabulary.newLine), kind: 'code' };
    return { range: vocabulary.codes, kind: 'code' };
  }
}

const only = (id: number): readonly [number, number] => [id, id + 1];

/** The one token that a rule allows; undefined where there are several. */
export const forcedBy = ({ range: [begin, end] }: TokenRule): number | undefined =>
  end === begin + 1 ? begin : undefined;
