import { createHash } from 'node:crypto';
import type { Tensor } from '../tensor/tensor.ts';
import type { PagePool, Reservation } from './page_pool.ts';

/** Vectors that stand in a prompt instead of the embeddings of some of its tokens. */
export interface StyleRows {
  /** `[count, dim]`, in the dtype of the activations. */
  readonly rows: Tensor;
  /** Where in the prompt each row stands, in order. */
  readonly places: readonly number[];
  /** The same for the same rows and for no others: prompts that agree so far share their cache. */
  readonly key: string;
}

/**
 * One sequence as the transformer sees it: what was decided so far, how much of that is in the cache,
 * and the pages it is in. A guided picture has two, with the condition and without.
 */
export class Stream {
  readonly tokens: number[];
  readonly style: StyleRows | undefined;
  /** Tokens whose keys and values are in the cache. */
  cached: number;
  readonly reservation: Reservation;
  private readonly pool: PagePool;
  private readonly keys: readonly string[];

  private constructor(
    pool: PagePool,
    reservation: Reservation,
    keys: readonly string[],
    tokens: readonly number[],
    style: StyleRows | undefined,
  ) {
    this.pool = pool;
    this.reservation = reservation;
    this.keys = keys;
    this.tokens = [...tokens];
    this.style = style;
    this.cached = reservation.filled * pool.pageTokens;
  }

  /**
   * @param tokens     what it begins with
   * @param maxTokens  how many it can have
   * @returns          undefined when there is no room for it now
   */
  static open(
    pool: PagePool,
    tokens: readonly number[],
    maxTokens: number,
    style?: StyleRows,
  ): Stream | undefined {
    const keys = pageKeys(tokens, pool.pageTokens, style);
    const reservation = pool.reserve(maxTokens, keys);
    return reservation && new Stream(pool, reservation, keys, tokens, style);
  }

  /** Tokens that are decided and not in the cache yet. */
  get pending(): readonly number[] {
    return this.tokens.slice(this.cached);
  }

  /** Lets others share what the cache has of the beginning. */
  publish(): void {
    this.pool.publish(this.reservation, this.keys);
  }

  /** Begins anew, on the same pages. */
  clear(): void {
    this.tokens.length = 0;
    this.cached = 0;
  }

  close(): void {
    this.pool.release(this.reservation);
  }
}

/**
 * A name for each whole page of a beginning: for all tokens and style rows up to its end. The last token
 * is left out, since what follows it has to be computed in any case.
 */
function pageKeys(
  tokens: readonly number[],
  pageTokens: number,
  style: StyleRows | undefined,
): string[] {
  const keys: string[] = [];
  let before = '';
  for (let end = pageTokens; end < tokens.length; end += pageTokens) {
    const begin = end - pageTokens;
    const styled = style?.places.some((place) => place >= begin && place < end);
    const own = `${before};${tokens.slice(begin, end).join()};${styled ? style?.key : ''}`;
    before = createHash('sha256').update(own).digest('base64');
    keys.push(before);
  }
  return keys;
}
