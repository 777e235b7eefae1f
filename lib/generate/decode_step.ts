import { StylearError } from '../error.ts';
import type { Chameleon } from '../models/chameleon.ts';
import type { KvCache } from '../models/kv_cache.ts';
import { maxRows, recordingLimits, stepBytes } from '../models/step_memory.ts';
import { concat } from '../ops/copy_slice.ts';
import { gather } from '../ops/embedding.ts';
import { reshape } from '../ops/reshape.ts';
import { sample } from '../ops/sample.ts';
import type { Graph } from '../tensor/graph.ts';
import { keep } from '../tensor/lifetime.ts';
import { scope } from '../tensor/scope.ts';
import type { Tensor } from '../tensor/tensor.ts';

/** What one stream is fed. */
export interface FedStream {
  /** At least one, at most `maxRows`: those after what the cache holds. */
  readonly tokens: readonly number[];
  /** How many tokens of the stream the cache holds. */
  readonly cached: number;
  readonly pages: readonly number[];
  /** Whether the cache is left as it is, which gives tokens of no use: to time a step. */
  readonly scratch?: boolean;
}

/** How one token is drawn, after one row of one stream, or of two. */
export interface DrawnToken {
  /** Which stream, and which of its fed tokens the drawn one follows. */
  readonly stream: number;
  readonly after: number;
  /** The stream without the condition; none where guidance does not act. It is fed as many tokens. */
  readonly uncond?: number | undefined;
  readonly range: readonly [number, number];
  /** 0 keeps all. */
  readonly topK: number;
  readonly guidance: number;
  readonly temperature: number;
  readonly topP: number;
  readonly minP: number;
  /** 64 bits in two halves. */
  readonly seed: readonly [number, number];
  /** Which token of the answer it is. */
  readonly position: number;
}

/** What a step works on, by shape: two steps of the same shape replay the same recording. */
interface StepShape {
  readonly streams: number;
  /** Tokens a stream. */
  readonly window: number;
  readonly drawn: number;
  readonly guided: boolean;
  /** Only logits of codes are needed. */
  readonly codesOnly: boolean;
}

/** The tensors that change from one step to the next. */
interface StepInputs {
  readonly ids: Tensor;
  readonly positions: Tensor;
  readonly cachePositions: Tensor;
  readonly lengths: Tensor;
  readonly table: Tensor;
  readonly rows: Tensor;
  readonly uncondRows: Tensor;
  readonly range: Tensor;
  readonly topK: Tensor;
  readonly settings: Tensor;
  readonly seeds: Tensor;
  readonly drawPositions: Tensor;
  readonly tokens: Tensor;
}

interface Recorded {
  readonly inputs: StepInputs;
  /** Of the activations, which belong to the graph. */
  readonly bytes: number;
  /** Whether the step has run. */
  ran: boolean;
  /** Undefined until the step is run a second time, and where there is no memory for it. */
  graph: Graph | undefined;
  /** Whether there was no memory to record it. */
  tooLarge: boolean;
}

export interface DecodeStepOptions {
  /** Of the activations. */
  readonly dtype: 'f32' | 'bf16';
  /** Ids of codes, first and one past the last. */
  readonly codes: readonly [number, number];
  /** Pages that a stream has at most. */
  readonly maxPages: number;
  /** Record each shape of step the second time it occurs; true unless told. */
  readonly recorded?: boolean;
  /** Of the activations of all recordings; `recordingLimits` unless told. */
  readonly recordingBytes?: number;
}

/**
 * The next tokens of many streams: feeds each its pending tokens, draws what follows them. A shape of
 * step that occurs again is recorded and replayed; of recordings those used last are kept, within
 * `recordingLimits`.
 */
export class DecodeStep {
  private readonly model: Chameleon;
  private readonly cache: KvCache;
  private readonly options: DecodeStepOptions;
  private readonly codesHead: ReturnType<Chameleon['head']['restricted']>;
  private readonly recordings = new Map<string, Recorded>();

  constructor(model: Chameleon, cache: KvCache, options: DecodeStepOptions) {
    this.model = model;
    this.cache = cache;
    this.options = options;
    this.codesHead = model.head.restricted(...options.codes);
  }

  /**
   * @param fed    streams with different pages; they may be fed different numbers of tokens
   * @param drawn  at least one
   * @returns      the tokens, in the order of `drawn`
   */
  async run(fed: readonly FedStream[], drawn: readonly DrawnToken[]): Promise<Int32Array> {
    const [first, end] = this.options.codes;
    const shape: StepShape = {
      streams: fed.length,
      window: Math.max(...fed.map(({ tokens }) => tokens.length)),
      drawn: drawn.length,
      guided: drawn.some(({ uncond }) => uncond !== undefined),
      codesOnly: drawn.every(({ range }) => range[0] >= first && range[1] <= end),
    };
    const recorded = this.recordingOf(shape);
    this.write(recorded.inputs, shape, fed, drawn);
    this.enqueue(recorded, shape);
    return (await recorded.inputs.tokens.read()) as Int32Array;
  }

  /**
   * Writes the keys and values of tokens into the cache, of one stream and without drawing anything.
   *
   * @param style  rows that stand for some of the tokens, and which one stands for each, or -1
   */
  fill(fed: FedStream, style?: { readonly rows: Tensor; readonly slots: readonly number[] }): void {
    const { device } = this.model.embedding.weight;
    for (let begin = 0; begin < fed.tokens.length; begin += maxRows) {
      const tokens = fed.tokens.slice(begin, begin + maxRows);
      scope(() => {
        const shape = [1, tokens.length];
        const at = fed.cached + begin;
        const slots = style?.slots.slice(begin, begin + maxRows);
        const x = this.model.embed(device.from(Int32Array.from(tokens), shape), {
          dtype: this.options.dtype,
          ...(slots?.some((slot) => slot >= 0)
            ? { rows: style!.rows, slots: device.from(Int32Array.from(slots), shape) }
            : {}),
        });
        this.model.decode(x, this.cache, {
          positions: device.from(
            Int32Array.from(tokens, (_, i) => at + i),
            shape,
          ),
          lengths: device.from(Int32Array.of(at + tokens.length)),
          table: device.from(this.tableRow(fed.pages), [1, this.options.maxPages]),
        });
      });
    }
  }

  /** Frees recordings and their tensors; those of the model stay. */
  dispose(): void {
    for (const recorded of this.recordings.values()) disposeRecorded(recorded);
    this.recordings.clear();
    this.codesHead.dispose();
  }

  private recordingOf(shape: StepShape): Recorded {
    const key = Object.values(shape).join();
    const known = this.recordings.get(key);
    if (known) {
      // The one used last is dropped last.
      this.recordings.delete(key);
      this.recordings.set(key, known);
      return known;
    }
    const [oldest] = this.recordings.keys();
    if (oldest !== undefined && this.recordings.size >= recordingLimits.count) this.forget(oldest);
    const made: Recorded = {
      inputs: this.makeInputs(shape),
      bytes: this.bytesOf(shape),
      ran: false,
      graph: undefined,
      tooLarge: false,
    };
    this.recordings.set(key, made);
    return made;
  }

  private bytesOf({ streams, window, drawn, guided, codesOnly }: StepShape): number {
    const { model, options } = this;
    const [first, end] = options.codes;
    return stepBytes(model.shape, {
      rows: streams * window,
      drawn,
      guided,
      logits: codesOnly ? end - first : model.shape.vocabulary,
      dtype: options.dtype,
    });
  }

  /**
   * Forgets recordings that were used the longest ago, until there is room for another.
   *
   * @returns whether there can be
   */
  private makeRoom(bytes: number): boolean {
    const { recorded = true, recordingBytes = recordingLimits.bytes } = this.options;
    if (!recorded || bytes > recordingBytes) return false;
    const kept = [...this.recordings].filter(([, { graph }]) => graph);
    let sum = kept.reduce((sum, [, { bytes }]) => sum + bytes, bytes);
    for (const [key, { bytes }] of kept) {
      if (sum <= recordingBytes) break;
      this.forget(key);
      sum -= bytes;
    }
    return true;
  }

  private forget(key: string): void {
    disposeRecorded(this.recordings.get(key)!);
    this.recordings.delete(key);
  }

  private enqueue(recorded: Recorded, shape: StepShape): void {
    const { device } = this.model.embedding.weight;
    const body = () => this.body(recorded.inputs, shape);
    const { ran, graph, tooLarge, bytes } = recorded;
    if (ran && !graph && !tooLarge && this.makeRoom(bytes)) {
      try {
        recorded.graph = device.record(body);
      } catch (error) {
        // A recording keeps its memory, and needs more than the step by itself, which may fit.
        if (!(error instanceof StylearError && error.code === 'ERR_OUT_OF_MEMORY')) throw error;
        recorded.tooLarge = true;
      }
    }
    recorded.ran = true;
    if (recorded.graph) recorded.graph.replay();
    else scope(body);
  }

  /** Everything between the written inputs and the drawn tokens. */
  private body(inputs: StepInputs, { streams, window, guided, codesOnly }: StepShape): void {
    const { dim } = this.model.shape;
    const x = this.model.embed(inputs.ids, { dtype: this.options.dtype });
    const parts: Tensor[] = [];
    const perCall = Math.max(1, Math.floor(maxRows / window));
    for (let begin = 0; begin < streams; begin += perCall) {
      const end = Math.min(begin + perCall, streams);
      const hidden = this.model.decode(x.slice(begin, end), this.cache, {
        positions: inputs.positions.slice(begin, end),
        cachePositions: inputs.cachePositions.slice(begin, end),
        lengths: inputs.lengths.slice(begin, end),
        table: inputs.table.slice(begin, end),
      });
      parts.push(reshape(hidden, [(end - begin) * window, dim]));
    }
    const hidden = parts.length === 1 ? parts[0]! : concat(parts);
    const logits = (rows: Tensor) => scope(() => this.logits(gather(hidden, rows), codesOnly));
    sample(logits(inputs.rows), {
      uncond: guided ? logits(inputs.uncondRows) : undefined,
      range: inputs.range,
      topK: inputs.topK,
      settings: inputs.settings,
      seeds: inputs.seeds,
      positions: inputs.drawPositions,
      firstToken: codesOnly ? this.options.codes[0] : 0,
      tokens: inputs.tokens,
    });
  }

  private logits(hidden: Tensor, codesOnly: boolean): Tensor {
    const head = codesOnly ? this.codesHead : this.model.head;
    const rows = hidden.shape[0]!;
    const parts: Tensor[] = [];
    for (let begin = 0; begin < rows; begin += maxRows)
      parts.push(head.forward(hidden.slice(begin, Math.min(begin + maxRows, rows))));
    return parts.length === 1 ? parts[0]! : concat(parts);
  }

  private makeInputs({ streams, window, drawn }: StepShape): StepInputs {
    const { device } = this.model.embedding.weight;
    const of = (shape: readonly number[], dtype: 'i32' | 'f32' = 'i32') =>
      keep(device.tensor(shape, dtype));
    return {
      ids: of([streams, window]),
      positions: of([streams, window]),
      cachePositions: of([streams, window]),
      lengths: of([streams]),
      table: of([streams, this.options.maxPages]),
      rows: of([drawn]),
      uncondRows: of([drawn]),
      range: of([drawn, 2]),
      topK: of([drawn]),
      settings: of([drawn, 4], 'f32'),
      seeds: of([drawn, 2]),
      drawPositions: of([drawn]),
      tokens: of([drawn]),
    };
  }

  private write(
    inputs: StepInputs,
    { window }: StepShape,
    fed: readonly FedStream[],
    drawn: readonly DrawnToken[],
  ): void {
    const count = fed.length * window;
    const ids = new Int32Array(count);
    const positions = new Int32Array(count);
    // Streams that are fed fewer tokens are padded on the left, with tokens that go nowhere.
    const cachePositions = new Int32Array(count).fill(-1);
    const table = new Int32Array(fed.length * this.options.maxPages);
    fed.forEach(({ tokens, cached, pages, scratch = false }, s) => {
      const at = (s + 1) * window - tokens.length;
      tokens.forEach((token, i) => {
        ids[at + i] = token;
        positions[at + i] = cached + i;
        if (!scratch) cachePositions[at + i] = cached + i;
      });
      table.set(this.tableRow(pages), s * this.options.maxPages);
    });
    inputs.ids.write(ids);
    inputs.positions.write(positions);
    inputs.cachePositions.write(cachePositions);
    inputs.lengths.write(Int32Array.from(fed, ({ tokens, cached }) => cached + tokens.length));
    inputs.table.write(table);

    const row = (stream: number, after: number) =>
      (stream + 1) * window - fed[stream]!.tokens.length + after;
    inputs.rows.write(Int32Array.from(drawn, ({ stream, after }) => row(stream, after)));
    inputs.uncondRows.write(
      Int32Array.from(drawn, ({ stream, after, uncond }) => row(uncond ?? stream, after)),
    );
    inputs.range.write(Int32Array.from(drawn.flatMap(({ range }) => range)));
    inputs.topK.write(Int32Array.from(drawn, ({ topK }) => topK));
    inputs.settings.write(
      Float32Array.from(
        drawn.flatMap(({ guidance, temperature, topP, minP }) => [
          guidance,
          temperature,
          topP,
          minP,
        ]),
      ),
    );
    inputs.seeds.write(Int32Array.from(drawn.flatMap(({ seed }) => seed)));
    inputs.drawPositions.write(Int32Array.from(drawn, ({ position }) => position));
  }

  private tableRow(pages: readonly number[]): Int32Array {
    const row = new Int32Array(this.options.maxPages);
    row.set(pages);
    return row;
  }
}

function disposeRecorded({ inputs, graph }: Recorded): void {
  graph?.dispose();
  for (const tensor of Object.values(inputs) as Tensor[]) tensor.dispose();
}
