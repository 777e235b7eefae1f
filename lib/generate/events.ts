import type { Caller } from './line.ts';

/** Calls whose events nobody can ask for any more: what they hold is given back. */
const abandoned = new FinalizationRegistry<AsyncGenerator<unknown>>((inner) => {
  // What the source of requests makes of its end can be told to nobody.
  inner.return(undefined).catch(() => {});
});

/** The events of a call, one when it is asked for. Nothing in the call refers to this. */
export class Events<Event> implements AsyncGenerator<Event> {
  private readonly inner: AsyncGenerator<Event>;
  private readonly caller: Caller;

  /** @param inner  what makes the events, as `caller` */
  constructor(inner: AsyncGenerator<Event>, caller: Caller) {
    this.inner = inner;
    this.caller = caller;
    abandoned.register(this, inner);
  }

  next(): Promise<IteratorResult<Event>> {
    return asked(this.caller, this.inner.next());
  }

  return(value?: unknown): Promise<IteratorResult<Event>> {
    return asked(this.caller, this.inner.return(value));
  }

  throw(error: unknown): Promise<IteratorResult<Event>> {
    return asked(this.caller, this.inner.throw(error));
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }
}

function asked<T>(caller: Caller, event: Promise<T>): Promise<T> {
  caller.enter();
  return event.finally(() => caller.leave());
}
