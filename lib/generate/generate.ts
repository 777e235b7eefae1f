import * as z from 'zod';
import type { Picture } from '../image/picture.ts';
import { pictureOfVqganPixels } from '../image/vqgan_pixels.ts';
import { scope } from '../tensor/scope.ts';
import { codeOf } from '../text/vocabulary.ts';
import type { Answer } from './answer.ts';
import { requireParsed, whole } from './checked.ts';
import { Events } from './events.ts';
import { GeneratedImage } from './generated_image.ts';
import { Caller } from './line.ts';
import { type PreparedRequest, prepare, tokenRequest } from './prepare.ts';
import { type QueuedRequest, RequestQueue, type Requests } from './request_queue.ts';
import type { StyleAR } from './stylear.ts';

/** How pictures are drawn by one call. */
export interface GenerateOptions {
  /** Pictures that are drawn at once, at most; memory may allow fewer. 4 unless told. */
  readonly batch?: number | undefined;
  /**
   * Tokens that are tried at once for each picture, 1 to 64; 1 unless told. Pictures are the same for
   * any, but more are drawn in a step where drafts come true. `auto` is what is fastest here and now.
   */
  readonly window?: number | 'auto' | undefined;
  /** What becomes of a request that fails: `throw`, which ends all, or `event`; `throw` unless told. */
  readonly onError?: 'throw' | 'event' | undefined;
  /** Ends everything: the call rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** What happens to the pictures of one call; `request` and `index` say to which. */
export type GenerateEvent =
  | {
      readonly type: 'started';
      readonly request: number;
      readonly index: number;
      readonly seed: number;
    }
  | {
      /** Rows of codes are decided and stay as they are; the last such event has all of them. */
      readonly type: 'rows';
      readonly request: number;
      readonly index: number;
      /** How many rows are, and of how many. */
      readonly rows: number;
      readonly of: number;
      /** Tokens that are, and of how many. */
      readonly tokens: number;
      readonly ofTokens: number;
      /** The part of the picture that is made of these rows. */
      preview(): Promise<Picture>;
    }
  | { readonly type: 'image'; readonly image: GeneratedImage }
  | {
      /** A picture that was started, or the rest of a request, is not drawn. */
      readonly type: 'failed';
      readonly request: number;
      /** Of the first picture that is not. */
      readonly index: number;
      /** How many are not: 1, or all that were not started. */
      readonly pictures: number;
      readonly error: unknown;
    }
  | {
      readonly type: 'done';
      /** Pictures that were drawn, and those that were not. */
      readonly images: number;
      readonly failed: number;
    };

/** A picture in the making. */
interface Drawing {
  readonly queued: QueuedRequest;
  readonly index: number;
  readonly seed: number;
  readonly prepared: PreparedRequest;
  readonly answer: Answer;
  readonly free: () => void;
  /** Rows that were told of. */
  rows: number;
}

/** See `StyleAR.generate`. */
export function generate(
  stylear: StyleAR,
  requests: Requests,
  options: GenerateOptions = {},
): AsyncGenerator<GenerateEvent> {
  const caller = new Caller(stylear.engine.line);
  return new Events(eventsOf(stylear, requests, options, caller), caller);
}

async function* eventsOf(
  stylear: StyleAR,
  requests: Requests,
  options: GenerateOptions,
  caller: Caller,
): AsyncGenerator<GenerateEvent> {
  requireParsed(optionsSchema, options, 'generate', 'options');
  const { batch = 4, window = 1, onError = 'throw', signal } = options;
  const { engine } = stylear;
  const queue = new RequestQueue(requests, () => caller.ring());
  const drawings = new Set<Drawing>();
  let images = 0;
  let failed = 0;
  const failure = (
    { index: request }: QueuedRequest,
    index: number,
    pictures: number,
    error: unknown,
  ): GenerateEvent => {
    if (onError === 'throw' || engine.closed) throw error;
    failed += pictures;
    return { type: 'failed', request, index, pictures, error };
  };
  /** What is left of a request fails. */
  const failRest = (queued: QueuedRequest, error: unknown): GenerateEvent => {
    queue.drop(queued);
    return failure(queued, queued.taken, queued.count - queued.taken, error);
  };
  const letGo = (drawing: Drawing) => {
    drawings.delete(drawing);
    engine.release(drawing.answer);
    drawing.free();
  };
  /** Ends the requests whose own signal has aborted, what is drawn of them and what is left. */
  function* dropAborted(): Generator<GenerateEvent> {
    const drawn = [...drawings].filter(({ queued }) => queued.request.signal?.aborted);
    for (const drawing of drawn) letGo(drawing);
    for (const { queued, index } of drawn)
      yield failure(queued, index, 1, queued.request.signal!.reason);
    for (const queued of queue.aborted()) yield failRest(queued, queued.request.signal!.reason);
  }
  const end = () => {
    for (const drawing of drawings) letGo(drawing);
    engine.line.remove(caller);
  };
  engine.line.add(caller);
  try {
    for (;;) {
      caller.quiet();
      engine.requireOpen();
      signal?.throwIfAborted();
      await queue.fill(batch);
      yield* dropAborted();
      while (drawings.size < batch) {
        signal?.throwIfAborted();
        const queued = queue.peek();
        if (!queued || engine.line.refuses(caller, queued)) break;
        let drawing: Drawing | undefined;
        try {
          drawing = await begin(stylear, queued, window, caller);
        } catch (error) {
          yield failRest(queued, error);
          continue;
        }
        if (!drawing) break;
        const index = queue.takeFrom(queued);
        drawings.add(drawing);
        yield { type: 'started', request: queued.index, index, seed: drawing.seed };
      }
      // Others need not wait for what is not wanted now.
      if (drawings.size === batch || !queue.peek()) engine.line.giveUp(caller);
      if (drawings.size === 0) {
        if (queue.exhausted) {
          queue.requireWhole();
          break;
        }
        // Another call has the room, or the source has nothing yet.
        if (queue.peek() || queue.isReading)
          await rung(caller, [...queue.signals(), ...(signal ? [signal] : [])]);
        continue;
      }
      yield* dropAborted();
      await engine.advance();
      for (const drawing of [...drawings]) {
        const progress = progressOf(stylear, drawing);
        if (progress) yield progress;
        const { answer } = drawing;
        if (!answer.finished) continue;
        if (answer.failure) {
          letGo(drawing);
          yield failure(drawing.queued, drawing.index, 1, answer.failure.error);
          continue;
        }
        const image = await finish(stylear, drawing);
        letGo(drawing);
        images++;
        yield { type: 'image', image };
      }
    }
    yield { type: 'done', images, failed };
  } catch (error) {
    end();
    // What ended the call is told, not what the source makes of its end.
    await queue.close().catch(() => {});
    engine.requireOpen(error);
    throw error;
  } finally {
    end();
    await queue.close();
  }
}

/** Takes up the next picture of a request; undefined when there is no room for it now. */
async function begin(
  { preparation, engine }: StyleAR,
  queued: QueuedRequest,
  window: number | 'auto',
  caller: Caller,
): Promise<Drawing | undefined> {
  if (queued.fault) throw queued.fault.error;
  queued.request.signal?.throwIfAborted();
  queued.prepared ??= prepare(preparation, queued.request);
  const prepared = await queued.prepared;
  const index = queued.taken;
  const seed = queued.seed + index;
  const prompt = await prepared.promptOf(seed);
  if (!engine.line.lets(caller, queued)) return undefined;
  const request = tokenRequest(preparation, prepared, prompt, seed, window);
  const free = () => request.style?.rows.dispose();
  try {
    const answer = engine.admit(request, caller, queued);
    if (answer) return { queued, index, seed, prepared, answer, free, rows: 0 };
  } catch (error) {
    free();
    throw error;
  }
  free();
  return undefined;
}

/** Resolves when a caller is rung, or when one of the signals has aborted. */
async function rung(caller: Caller, signals: readonly AbortSignal[]): Promise<void> {
  const ring = () => caller.ring();
  for (const signal of signals) {
    signal.addEventListener('abort', ring, { once: true });
    if (signal.aborted) ring();
  }
  try {
    await caller.sleep();
  } finally {
    for (const signal of signals) signal.removeEventListener('abort', ring);
  }
}

/** The rows that are new since they were last told of. */
function progressOf(stylear: StyleAR, drawing: Drawing): GenerateEvent | undefined {
  const { answer, queued, index } = drawing;
  const size = answer.grammar.codes;
  if (!size) return undefined;
  const { imageBegin } = answer.grammar;
  const rows = Math.floor((answer.tokens.length - imageBegin - 3) / (size.columns + 1));
  if (rows <= drawing.rows) return undefined;
  drawing.rows = rows;
  const tokens = answer.tokens.slice(imageBegin + 3, imageBegin + 3 + rows * (size.columns + 1));
  return {
    type: 'rows',
    request: queued.index,
    index,
    rows,
    of: size.rows,
    tokens: answer.tokens.length,
    ofTokens: size.rows * (size.columns + 1) + 4,
    preview: () => pictureOf(stylear, tokens, size.columns),
  };
}

async function finish(stylear: StyleAR, drawing: Drawing): Promise<GeneratedImage> {
  const { answer, queued, index, seed, prepared } = drawing;
  const { newLine } = stylear.preparation.vocabulary;
  const begin = answer.grammar.imageBegin + 3;
  const rows = answer.tokens.slice(begin, -1);
  const picture = await pictureOf(stylear, rows, rows.indexOf(newLine));
  const { width, height } = picture;
  return new GeneratedImage({
    request: queued.index,
    index,
    picture,
    facts: {
      prompt: queued.request.prompt,
      seed,
      width,
      height,
      settings: prepared.settings,
      model: stylear.hash,
    },
    tokens: [...answer.tokens],
    statistics: { ...answer.statistics },
  });
}

/** The picture of whole rows of tokens, each with its new-line. */
async function pictureOf(
  { preparation, device }: StyleAR,
  rows: readonly number[],
  columns: number,
): Promise<Picture> {
  const { vocabulary, model } = preparation;
  const codes = rows.flatMap((id) => codeOf(vocabulary, id) ?? []);
  const height = codes.length / columns;
  const pixels = scope(() =>
    model.vqgan.decode(device.from(Int32Array.from(codes), [1, height, columns])),
  );
  const values = (await pixels.read()) as Float32Array;
  const [, tall, wide] = pixels.shape as [number, number, number];
  pixels.dispose();
  return pictureOfVqganPixels(values, wide, tall);
}

const optionsSchema = z.object(
  {
    batch: whole(1, 4096).optional(),
    window: z
      .union([z.literal('auto'), whole(1, 64)], { error: 'a whole number from 1 to 64 or auto' })
      .optional(),
    onError: z.enum(['throw', 'event'], { error: 'throw or event' }).optional(),
    signal: z.instanceof(AbortSignal, { error: 'an AbortSignal' }).optional(),
  },
  { error: 'an object' },
);
