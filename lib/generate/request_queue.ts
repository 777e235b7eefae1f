import { StylearError } from '../error.ts';
import { shown } from '../shown.ts';
import type { PreparedRequest } from './prepare.ts';
import { checkRequest, type GenerateRequest, numberSchemas } from './request.ts';

/**
 * Requests as a caller gives them: one, many, or many over time. An array, or another collection that
 * says how many it has, is taken in order of priority. Others are read as they are needed, up to `batch`
 * requests ahead of those that are drawn. Where a source throws, what was read of it is finished, and
 * the call then throws the same.
 */
export type Requests = GenerateRequest | Iterable<GenerateRequest> | AsyncIterable<GenerateRequest>;

/** A request of which not all pictures are taken up yet. */
export interface QueuedRequest {
  readonly request: GenerateRequest;
  /** In the order in which requests were given. */
  readonly index: number;
  readonly seed: number;
  readonly count: number;
  readonly priority: number;
  /** Why it is none; its turn comes all the same. */
  readonly fault: { readonly error: unknown } | undefined;
  /** How many of its pictures were taken up. */
  taken: number;
  /** Its pictures read and its words as ids, once somebody began with that. */
  prepared: Promise<PreparedRequest> | undefined;
}

/** Requests that wait, those of higher priority first, and none read before there is use for it. */
export class RequestQueue {
  private readonly waiting: QueuedRequest[] = [];
  private readonly source: Iterator<GenerateRequest> | AsyncIterator<GenerateRequest>;
  private readonly isAsync: boolean;
  /** Which one each read gives, where a source is not read in its own order. */
  private readonly order: readonly number[] | undefined;
  private readonly told: () => void;
  /** The read that is going on; undefined when there is none. */
  private reading: Promise<void> | undefined;
  private read = 0;
  private ended = false;
  private failure: { readonly error: unknown } | undefined;

  /** @param told  called when a read has ended that `fill` did not wait for */
  constructor(requests: Requests, told: () => void) {
    if (typeof requests !== 'object' || requests === null)
      throw new StylearError(
        'ERR_INPUT',
        `generate: expected requests to be a request or many of them, got ${shown(requests)}`,
      );
    this.told = told;
    this.isAsync = Symbol.asyncIterator in requests;
    if (Symbol.asyncIterator in requests) {
      this.source = requests[Symbol.asyncIterator]();
    } else if (!(Symbol.iterator in requests)) {
      this.source = [requests].values();
    } else if (!isCounted(requests)) {
      this.source = requests[Symbol.iterator]();
    } else {
      const all = this.readWhole(requests);
      this.order = all.map((_, i) => i).sort((a, b) => priorityOf(all[b]) - priorityOf(all[a]));
      this.source = this.order.map((i) => all[i]!).values();
    }
  }

  /** Whether nothing waits and nothing more will come. */
  get exhausted(): boolean {
    return this.ended && this.waiting.length === 0;
  }

  /** Whether a read is going on. */
  get isReading(): boolean {
    return this.reading !== undefined;
  }

  /**
   * Reads on, without waiting for a source that has nothing yet.
   *
   * @param most  how many requests are to wait at most
   */
  async fill(most: number): Promise<void> {
    while (!this.ended && !this.reading && this.waiting.length < most) {
      if (!this.isAsync) {
        this.take(() => this.source.next() as IteratorResult<GenerateRequest>);
        continue;
      }
      // What it gives may be a promise of any kind, or none.
      this.reading = new Promise<IteratorResult<GenerateRequest>>((resolve) => {
        resolve(this.source.next());
      })
        .then(
          (result) => this.take(() => result),
          (error: unknown) => this.fail(error),
        )
        .finally(() => {
          this.reading = undefined;
          this.told();
        });
      // A source that has the next one ready is read on at once.
      await Promise.race([this.reading, new Promise((resolve) => setImmediate(resolve))]);
    }
  }

  /** Throws what the source threw, if it did. */
  requireWhole(): void {
    if (this.failure) throw this.failure.error;
  }

  /** The request whose picture is to be taken up next; undefined when none waits. */
  peek(): QueuedRequest | undefined {
    let best: QueuedRequest | undefined;
    for (const queued of this.waiting) if (!best || queued.priority > best.priority) best = queued;
    return best;
  }

  /** Requests that wait and whose own signal has aborted. */
  aborted(): QueuedRequest[] {
    return this.waiting.filter(({ request }) => request?.signal?.aborted);
  }

  /** The signals of the requests that wait. */
  signals(): AbortSignal[] {
    return this.waiting.flatMap(({ request, fault }) => (fault ? [] : (request.signal ?? [])));
  }

  /** A picture of it is taken up. @returns which one of its pictures */
  takeFrom(queued: QueuedRequest): number {
    const image = queued.taken++;
    if (queued.taken === queued.count) this.drop(queued);
    return image;
  }

  drop(queued: QueuedRequest): void {
    const at = this.waiting.indexOf(queued);
    if (at >= 0) this.waiting.splice(at, 1);
  }

  /**
   * Tells a source that has not ended that no more is wanted, without waiting for what it has not read
   * yet. Rejects with what the source makes of that.
   */
  async close(): Promise<void> {
    if (this.ended) return;
    this.ended = true;
    const closed = new Promise((resolve) => resolve(this.source.return?.()));
    // Whoever could be told is gone by the time that a read ends.
    if (this.isReading) closed.catch(() => {});
    else await closed;
  }

  /** What a source gives that is there as a whole. */
  private readWhole(requests: Iterable<GenerateRequest>): GenerateRequest[] {
    const all: GenerateRequest[] = [];
    try {
      for (const request of requests) all.push(request);
    } catch (error) {
      this.failure = { error };
    }
    return all;
  }

  private take(read: () => IteratorResult<GenerateRequest>): void {
    let request: GenerateRequest;
    try {
      const result = read();
      if (result.done) {
        this.ended = true;
        return;
      }
      request = result.value;
    } catch (error) {
      this.fail(error);
      return;
    }
    const index = this.order?.[this.read] ?? this.read;
    this.read++;
    const rest = { index, taken: 0, prepared: undefined };
    try {
      // A copy: a source may use one object again for the next.
      const copy = checkRequest(request, `request ${index}`);
      // A seed that can be read and typed again.
      const { seed = Math.floor(Math.random() * 2 ** 32), count = 1, priority = 0 } = copy;
      this.waiting.push({ ...rest, request: copy, seed, count, priority, fault: undefined });
    } catch (error) {
      const count = countOf(request);
      this.waiting.push({ ...rest, request, seed: 0, count, priority: 0, fault: { error } });
    }
  }

  private fail(error: unknown): void {
    this.ended = true;
    this.failure = { error };
  }
}

/** Whether a source says how many requests it has: an array, a set. */
function isCounted(requests: object): boolean {
  const { length, size } = requests as { readonly length?: unknown; readonly size?: unknown };
  return typeof (length ?? size) === 'number';
}

/** The priority of what may not be a request. */
const priorityOf = (request: GenerateRequest | null | undefined): number =>
  numberSchemas.priority.safeParse(request?.priority).data ?? 0;

/** How many pictures are wanted of what is no request; one where that is not to be told. */
const countOf = (request: GenerateRequest | null | undefined): number =>
  numberSchemas.count.safeParse(request?.count).data ?? 1;
