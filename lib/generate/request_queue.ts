import { StylearError } from '../error.ts';
import { shown } from '../shown.ts';
import type { PreparedRequest } from './prepare.ts';
import { checkRequest, type GenerateRequest } from './request.ts';

/** Requests as a caller gives them: one, many, or many over time. */
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
  /** The read that is going on; undefined when there is none. */
  private reading: Promise<void> | undefined;
  private read = 0;
  private ended = false;
  private failure: { readonly error: unknown } | undefined;

  constructor(requests: Requests) {
    if (typeof requests !== 'object' || requests === null)
      throw new StylearError(
        'ERR_INPUT',
        `generate: expected requests to be a request or many of them, got ${shown(requests)}`,
      );
    this.source =
      Symbol.asyncIterator in requests
        ? requests[Symbol.asyncIterator]()
        : Symbol.iterator in requests
          ? requests[Symbol.iterator]()
          : [requests][Symbol.iterator]();
  }

  /** Whether nothing waits and nothing more will come. */
  get exhausted(): boolean {
    return this.ended && this.waiting.length === 0;
  }

  /**
   * Reads on, without waiting for a source that has nothing yet.
   *
   * @param most  how many requests are to wait at most
   */
  async fill(most: number): Promise<void> {
    while (!this.ended && !this.reading && this.waiting.length < most) {
      const next = this.source.next();
      if (!(next instanceof Promise)) {
        this.take(next);
        continue;
      }
      this.reading = next.then(
        (result) => {
          this.reading = undefined;
          this.take(result);
        },
        (error: unknown) => {
          this.reading = undefined;
          this.ended = true;
          this.failure = { error };
        },
      );
      // A source that has the next one ready is read on at once.
      await Promise.race([this.reading, new Promise((resolve) => setImmediate(resolve))]);
    }
    if (this.failure && this.waiting.length === 0) throw this.failure.error;
  }

  /** Resolves when the read that is going on has ended. */
  async settled(): Promise<void> {
    await this.reading;
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

  /** Tells the source that no more is wanted, without waiting for what it has not read yet. */
  async close(): Promise<void> {
    this.ended = true;
    const closed = this.source.return?.();
    if (!this.reading) await closed;
  }

  private take(result: IteratorResult<GenerateRequest>): void {
    if (result.done) {
      this.ended = true;
      return;
    }
    const index = this.read++;
    const request = result.value;
    const rest = { request, index, taken: 0, prepared: undefined };
    try {
      checkRequest(request, `request ${index}`);
    } catch (error) {
      this.waiting.push({ ...rest, seed: 0, count: 1, priority: 0, fault: { error } });
      return;
    }
    // One that can be read and typed again.
    const { seed = Math.floor(Math.random() * 2 ** 32), count = 1, priority = 0 } = request;
    this.waiting.push({ ...rest, seed, count, priority, fault: undefined });
  }
}
