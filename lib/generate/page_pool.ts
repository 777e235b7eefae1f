import { StylearError } from '../error.ts';

/** Pages that a sequence holds, in the order of its tokens. */
export interface Reservation {
  readonly pages: readonly number[];
  /** How many of the first pages hold their keys and values already. */
  readonly filled: number;
}

/** A page that was filled, or may be filled again with the same. */
interface Page {
  holders: number;
  /** What it holds: the key of all tokens up to its end. Undefined while nobody may share it. */
  key: string | undefined;
}

/**
 * Who holds which page of a `KvCache`. Sequences that begin alike share the pages of what they have in
 * common; a page that nobody holds keeps its content until the place is needed, the one let go first
 * going first. Kwon et al. 2023, section 4.4.
 */
export class PagePool {
  readonly pageTokens: number;
  private readonly pages: Page[];
  private readonly byKey = new Map<string, number>();
  /** Pages that nobody holds and nobody wants again. */
  private readonly blank = new Set<number>();
  /** Pages that nobody holds and somebody may want again, in the order in which they were let go. */
  private readonly cached = new Set<number>();

  /**
   * @param pages       how many there are
   * @param pageTokens  tokens in each
   */
  constructor(pages: number, pageTokens: number) {
    this.pageTokens = pageTokens;
    this.pages = Array.from({ length: pages }, () => ({ holders: 0, key: undefined }));
    for (let page = 0; page < pages; page++) this.blank.add(page);
  }

  get total(): number {
    return this.pages.length;
  }

  /** Pages that nobody holds. */
  get available(): number {
    return this.blank.size + this.cached.size;
  }

  /**
   * Pages for a sequence, those of its beginning shared where they are filled already.
   *
   * @param tokens  how many the sequence will have at most
   * @param keys    of the whole pages at its beginning, each naming all tokens up to the page's end
   * @returns       undefined when too few pages are free now
   * @throws `ERR_OUT_OF_MEMORY` when the pool could never hold so many
   */
  reserve(tokens: number, keys: readonly string[] = []): Reservation | undefined {
    const count = Math.ceil(tokens / this.pageTokens);
    if (count > this.total) {
      throw new StylearError(
        'ERR_OUT_OF_MEMORY',
        `generate: expected the cache to have ${count} pages for a sequence of ${tokens} tokens, ` +
          `got ${this.total}. Give it more memory.`,
      );
    }
    const shared: number[] = [];
    for (const key of keys.slice(0, count)) {
      const page = this.byKey.get(key);
      if (page === undefined) break;
      shared.push(page);
    }
    const fromFree = count - shared.filter((page) => this.pages[page]!.holders > 0).length;
    if (fromFree > this.available) return undefined;
    for (const page of shared) this.hold(page);
    const pages = [...shared];
    while (pages.length < count) pages.push(this.takeFree());
    return { pages, filled: shared.length };
  }

  /** Lets others share the first pages of a sequence, whose keys and values are written by now. */
  publish({ pages }: Reservation, keys: readonly string[]): void {
    keys.forEach((key, i) => {
      const page = pages[i];
      if (page === undefined || this.byKey.has(key)) return;
      this.forget(page);
      this.pages[page]!.key = key;
      this.byKey.set(key, page);
    });
  }

  /** Takes a sequence's pages back; what they hold stays until it has to make room. */
  release({ pages }: Reservation): void {
    // The end of a sequence is of use to fewer others than its beginning, and makes room first.
    for (const page of [...pages].reverse()) {
      const { key, holders } = this.pages[page]!;
      this.pages[page]!.holders = holders - 1;
      if (holders === 1) (key === undefined ? this.blank : this.cached).add(page);
    }
  }

  private hold(page: number): void {
    this.pages[page]!.holders++;
    this.blank.delete(page);
    this.cached.delete(page);
  }

  private takeFree(): number {
    const [page] = this.blank.size > 0 ? this.blank : this.cached;
    this.forget(page!);
    this.hold(page!);
    return page!;
  }

  private forget(page: number): void {
    const { key } = this.pages[page]!;
    if (key !== undefined) this.byKey.delete(key);
    this.pages[page]!.key = undefined;
  }
}
