// What may follow a sequence of tokens, and how it is drawn: the grammar of pictures, as a state that
// each token moves on. Nothing constrains text; in a picture the two tokens of its size are free
// unless sizes are given, and then every token's kind is known.
import { StylearError } from '../error.ts';
import { codeShape, type Grid } from './image_tokens.ts';
import { gridUnitsOf, type Vocabulary } from './vocabulary.ts';

/** Where a sequence of tokens stands. */
export interface GrammarState {
  /** Image starts so far. */
  readonly starts: number;
  /** Image ends so far. */
  readonly ends: number;
  /** The last image start and what followed, up to its height and width. */
  readonly head: readonly number[];
  /** Tokens since the last image start, without it. */
  readonly since: number;
  readonly last: number | undefined;
}

/** How the next token is drawn. */
export interface NextToken {
  /** Ids that may follow: the first, and one past the last. */
  readonly range: readonly [number, number];
  /** The id that must follow, where only one may. */
  readonly forced: number | undefined;
  /** Which of the two top-k applies: that of images already where their size is drawn. */
  readonly topK: 'text' | 'image';
  /** Whether guidance acts: from the first code to the end of an image. */
  readonly guided: boolean;
  /**
   * What the unconditional stream takes before this token is drawn: the start and the size of the
   * image in the place of a prompt, then each token. Nothing where guidance does not act.
   */
  readonly unconditional: readonly number[];
  /** What is wrong with the image so far, which is then ended. */
  readonly fault: 'size' | 'length' | undefined;
}

/** Which pictures may be written. */
export interface ImageGrammarOptions {
  /** The only sizes that images may have; any token may stand for a side unless told. */
  readonly sizes?: readonly Grid[] | undefined;
}

/** Before the first token. */
export const emptyState: GrammarState = { starts: 0, ends: 0, head: [], since: 0, last: undefined };

/** The grammar of a vocabulary's pictures. */
export class ImageGrammar {
  readonly vocabulary: Vocabulary;
  private readonly heights: readonly [number, number];
  /** By the id of the height. */
  private readonly widths: ReadonlyMap<number, readonly [number, number]> | undefined;

  /**
   * Throws `ERR_VALUE` when sizes are given but none, or have sides that the vocabulary lacks, or leave
   * heights out between others, or widths of a height.
   */
  constructor(vocabulary: Vocabulary, { sizes }: ImageGrammarOptions = {}) {
    this.vocabulary = vocabulary;
    this.heights = [0, vocabulary.size];
    if (!sizes) return;
    const byHeight = new Map<number, number[]>();
    for (const { height, width } of sizes) {
      const ids = [height, width].map((units) => vocabulary.grid + units) as [number, number];
      if (ids.some((id) => gridUnitsOf(vocabulary, id) === undefined))
        throw wrong(`of sides from 1 to ${vocabulary.gridMax}`, `${height} x ${width}`);
      byHeight.set(ids[0], [...(byHeight.get(ids[0]) ?? []), ids[1]]);
    }
    this.heights = rangeOf([...byHeight.keys()], 'heights');
    this.widths = new Map(
      [...byHeight].map(([height, widths]) => [height, rangeOf(widths, 'widths of a height')]),
    );
  }

  /** The state after a sequence of tokens. */
  after(tokens: Iterable<number>, state = emptyState): GrammarState {
    for (const token of tokens) state = this.advance(state, token);
    return state;
  }

  /** The state after one more token. */
  advance(state: GrammarState, token: number): GrammarState {
    const { imageStart, imageEnd } = this.vocabulary;
    if (token === imageStart) {
      const starts = state.starts + 1;
      return { starts, ends: state.ends, head: [token], since: 0, last: token };
    }
    return {
      starts: state.starts,
      ends: token === imageEnd ? state.ends + 1 : state.ends,
      head: state.starts > 0 && state.since < 2 ? [...state.head, token] : state.head,
      since: state.starts > 0 ? state.since + 1 : 0,
      last: token,
    };
  }

  /** Whether an image has begun and not ended: there is one start more than there are ends. */
  inside({ starts, ends }: GrammarState): boolean {
    return starts === ends + 1;
  }

  /** How the token after a state is drawn. */
  next(state: GrammarState): NextToken {
    if (!this.inside(state)) return free([0, this.vocabulary.size], 'text');
    if (state.since === 0) return free(this.heights, 'image');
    if (state.since === 1) return free(this.widthsAfter(state), 'image');
    const unconditional = state.since === 2 ? state.head : [state.last!];
    const { range, fault } = this.inRows(state);
    return { range, forced: forcedBy(range), topK: 'image', guided: true, unconditional, fault };
  }

  private widthsAfter({ head }: GrammarState): readonly [number, number] {
    return this.widths?.get(head[1]!) ?? [0, this.vocabulary.size];
  }

  private inRows({ head, since }: GrammarState): Pick<NextToken, 'range' | 'fault'> {
    const { imageEnd, newLine, codes } = this.vocabulary;
    const [, height, width] = head.map((token) => gridUnitsOf(this.vocabulary, token));
    const only = (id: number) => [id, id + 1] as const;
    if (height === undefined || width === undefined)
      return { range: only(imageEnd), fault: 'size' };
    const { rows, columns } = codeShape(this.vocabulary, { height, width });
    // The place of the next token behind the size, from 1.
    const place = since - 1;
    const end = rows * (columns + 1) + 1;
    if (place >= end) return { range: only(imageEnd), fault: place > end ? 'length' : undefined };
    return { range: place % (columns + 1) === 0 ? only(newLine) : codes, fault: undefined };
  }
}

const free = (range: readonly [number, number], topK: NextToken['topK']): NextToken => ({
  range,
  forced: forcedBy(range),
  topK,
  guided: false,
  unconditional: [],
  fault: undefined,
});

const forcedBy = ([first, end]: readonly [number, number]): number | undefined =>
  end === first + 1 ? first : undefined;

/** The range that is these ids and no other. */
function rangeOf(ids: readonly number[], what: string): readonly [number, number] {
  if (ids.length === 0) throw wrong('at least one', 'none');
  const [first, last] = [Math.min(...ids), Math.max(...ids)];
  if (last - first + 1 !== new Set(ids).size)
    throw wrong(`such that ${what} leave none out`, `${ids.length} of ${last - first + 1}`);
  return [first, last + 1];
}

const wrong = (expected: string, got: string): StylearError =>
  new StylearError('ERR_VALUE', `ImageGrammar: expected sizes to be ${expected}, got ${got}`);
