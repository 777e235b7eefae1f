// A file of requests to pictures, each of them once, whatever interrupts it.
import { StylearError } from '../../error.ts';
import type { PictureFormat } from '../../image/picture_format.ts';
import { type GenerateEvent, type GenerateOptions, generate } from '../generate.ts';
import type { GeneratedImage } from '../generated_image.ts';
import type { GenerateRequest } from '../request.ts';
import type { StyleAR } from '../stylear.ts';
import { Journal, type PictureEntry } from './journal.ts';
import type { BatchOutput } from './output.ts';
import { aboutFile, type BatchRow, pictureName } from './row.ts';
import { StyleCache } from './style_cache.ts';

export interface BatchOptions extends Omit<GenerateOptions, 'onError'> {
  /** Of the pictures' files; `png` unless told. */
  readonly format?: PictureFormat | undefined;
  /** Whether files say how they were made, and a `.json` beside each says it too; true unless told. */
  readonly metadata?: boolean | undefined;
}

/** What becomes of a batch. */
export type BatchEvent =
  | {
      readonly type: 'started';
      /** Pictures that earlier runs made, and those that are left. */
      readonly done: number;
      readonly left: number;
      /** Of those that are left, how many were made before and lost their files since. */
      readonly lost: number;
    }
  | {
      readonly type: 'progress';
      /** Pictures that are drawn of those that were left, those in the making counted in parts. */
      readonly pictures: number;
      /** Those that will not be. */
      readonly failed: number;
    }
  | {
      /** A picture is written and journaled. */
      readonly type: 'picture';
      readonly row: BatchRow;
      readonly file: string;
      readonly image: GeneratedImage;
    }
  | {
      readonly type: 'failed';
      readonly row: BatchRow;
      /** Pictures of the row that are not drawn for it. */
      readonly pictures: number;
      readonly error: unknown;
    }
  | {
      readonly type: 'done';
      readonly pictures: number;
      /** Pictures that could not be drawn. */
      readonly failed: number;
      /** Styles that were encoded. */
      readonly styles: number;
    };

/** Files that wait to be written while the next pictures are drawn. */
const mostUnwritten = 8;

/**
 * Draws the pictures of a batch that are not journaled yet. A row that fails is journaled with its error,
 * the others go on; the next run tries it again. A picture depends on its row alone.
 *
 * @throws `ERR_INPUT` when the journal is that of another model, a row was changed since it was drawn, or
 *         files cannot be written
 */
export async function* runBatch(
  stylear: StyleAR,
  rows: readonly BatchRow[],
  output: BatchOutput,
  { format = 'png', metadata = true, ...options }: BatchOptions = {},
): AsyncGenerator<BatchEvent> {
  const form = metadata ? `${format} with metadata` : format;
  const defaults = { ...stylear.config.defaults };
  const journal = Journal.open(output.journal, { model: stylear.hash, defaults, form });
  let run: BatchRun | undefined;
  try {
    run = new BatchRun(stylear, rows, journal, output, { format, metadata });
    yield { type: 'started', done: run.done, left: run.left, lost: run.lost };
    for await (const event of generate(stylear, run.requests(), { ...options, onError: 'event' })) {
      run.take(event);
      await run.keepUp();
      yield* run.told();
    }
    await run.written();
    yield* run.told();
    output.close();
    const { pictures, failed, styles } = run;
    yield { type: 'done', pictures, failed, styles };
  } finally {
    try {
      // What was drawn whole is kept, should the caller have stopped.
      await run?.written();
      output.close();
    } finally {
      journal.close();
    }
  }
}

/** Pictures of one row that are drawn by one request. */
interface Stretch {
  readonly row: BatchRow;
  /** The first of them, and one past the last. */
  readonly begin: number;
  readonly end: number;
}

class BatchRun {
  /** Pictures that earlier runs made. */
  readonly done: number;
  /** Pictures that this run is to make. */
  readonly left: number;
  /** Of these, how many are journaled and have lost their files. */
  readonly lost: number;
  pictures = 0;
  failed = 0;
  private readonly journal: Journal;
  private readonly output: BatchOutput;
  private readonly files: { readonly format: PictureFormat; readonly metadata: boolean };
  private readonly cache: StyleCache;
  private readonly stretches: readonly Stretch[];
  /** Stretches by the numbers of their requests. */
  private readonly asked: Stretch[] = [];
  /** The share of each picture in the making that is decided, by request and index. */
  private readonly making = new Map<string, number>();
  private events: BatchEvent[] = [];
  /** Pictures that are drawn and not journaled yet. */
  private unwritten = 0;
  private writing: Promise<void> = Promise.resolve();
  private failure: { readonly error: unknown } | undefined;

  constructor(
    stylear: StyleAR,
    rows: readonly BatchRow[],
    journal: Journal,
    output: BatchOutput,
    files: { readonly format: PictureFormat; readonly metadata: boolean },
  ) {
    this.journal = journal;
    this.output = output;
    this.files = files;
    this.cache = new StyleCache(stylear);
    const entries = journal.entries.filter((entry) => entry.kind === 'picture');
    const journaled = doneOf(rows, entries, output.journal);
    const names = new Set(rows.flatMap((row) => this.namesOf(row)));
    const done = doneOf(rows, output.resume(entries, names), output.journal);
    this.stretches = [...rows]
      .sort((a, b) => b.priority - a.priority)
      .flatMap((row) => stretchesOf(row, done.get(row.id)));
    const all = rows.reduce((sum, { count }) => sum + count, 0);
    this.left = this.stretches.reduce((sum, { begin, end }) => sum + end - begin, 0);
    this.done = all - this.left;
    this.lost = countOf(journaled) - countOf(done);
  }

  get styles(): number {
    return this.cache.encoded;
  }

  /** What is to be drawn. A row whose style cannot be encoded is passed over as failed. */
  async *requests(): AsyncGenerator<GenerateRequest> {
    for (const stretch of this.stretches) {
      const { row, begin, end } = stretch;
      let request: GenerateRequest = { ...row.request, seed: row.seed + begin, count: end - begin };
      if (row.style) {
        try {
          request = { ...request, style: await this.cache.get(row.style) };
        } catch (error) {
          this.fail(row, begin, end - begin, error);
          continue;
        }
      }
      this.asked.push(stretch);
      yield request;
    }
  }

  take(event: GenerateEvent): void {
    if (event.type === 'started') {
      this.making.set(`${event.request}:${event.index}`, 0);
    } else if (event.type === 'rows') {
      this.making.set(`${event.request}:${event.index}`, event.tokens / event.ofTokens);
      this.progress();
    } else if (event.type === 'image') {
      this.making.delete(`${event.image.request}:${event.image.index}`);
      this.unwritten++;
      this.writing = this.writing.then(() => this.write(event.image));
    } else if (event.type === 'failed') {
      const { row, begin } = this.asked[event.request]!;
      this.making.delete(`${event.request}:${event.index}`);
      this.fail(row, begin + event.index, event.pictures, event.error);
    }
  }

  /** What happened since it was last asked for. */
  told(): BatchEvent[] {
    const { events } = this;
    this.events = [];
    return events;
  }

  /** Waits where files are written more slowly than pictures are drawn; rejects as `written` does. */
  async keepUp(): Promise<void> {
    if (this.failure || this.unwritten > mostUnwritten) await this.written();
  }

  /** Resolves when all that was drawn is journaled; rejects when something could not be written. */
  async written(): Promise<void> {
    await this.writing;
    if (this.failure) throw this.failure.error;
  }

  private async write(image: GeneratedImage): Promise<void> {
    if (this.failure) return;
    const { row, begin } = this.asked[image.request]!;
    const index = begin + image.index;
    const file = `${pictureName(row, index)}.${ends[this.files.format]}`;
    const { seed } = image.facts;
    try {
      const files = [{ name: file, bytes: await image.encode(this.files) }];
      if (this.files.metadata)
        files.push({ name: aboutFile(file), bytes: aboutOf(row, index, image) });
      const place = await this.output.add(files);
      const entry = { kind: 'picture', id: row.id, index, row: row.hash, file, seed } as const;
      this.journal.append(place ? { ...entry, place } : entry);
    } catch (error) {
      this.failure = { error };
      return;
    }
    this.unwritten--;
    this.pictures++;
    this.events.push({ type: 'picture', row, file, image });
    this.progress();
  }

  /** @param pictures  of the row, from an index on, that are not drawn */
  private fail(row: BatchRow, index: number, pictures: number, error: unknown): void {
    const code = error instanceof StylearError ? error.code : 'ERR_BACKEND';
    const message = error instanceof Error ? error.message : String(error);
    this.failed += pictures;
    this.journal.append({ kind: 'failed', id: row.id, index, row: row.hash, code, message });
    this.events.push({ type: 'failed', row, pictures, error });
    this.progress();
  }

  private progress(): void {
    const making = [...this.making.values()].reduce((a, b) => a + b, 0);
    const pictures = this.pictures + this.unwritten + making;
    this.events.push({ type: 'progress', pictures, failed: this.failed });
  }

  private namesOf(row: BatchRow): string[] {
    const { format, metadata } = this.files;
    return Array.from({ length: row.count }, (_, index) => {
      const file = `${pictureName(row, index)}.${ends[format]}`;
      return metadata ? [file, aboutFile(file)] : [file];
    }).flat();
  }
}

const ends: Readonly<Record<PictureFormat, string>> = {
  png: 'png',
  jpeg: 'jpg',
  webp: 'webp',
  avif: 'avif',
};

/** The pictures of each row that are journaled. */
function doneOf(
  rows: readonly BatchRow[],
  entries: readonly PictureEntry[],
  journal: string,
): Map<string, Set<number>> {
  const byId = new Map(rows.map((row) => [row.id, row]));
  const done = new Map<string, Set<number>>();
  for (const { id, index, row: hash } of entries) {
    const row = byId.get(id);
    if (!row) continue;
    if (row.hash !== hash) {
      throw new StylearError(
        'ERR_INPUT',
        `${journal}: expected row ${id} to be as it was when it was drawn, got another in line ` +
          `${row.line}. Give it an id of its own, or write to another place.`,
      );
    }
    const indices = done.get(id) ?? new Set();
    done.set(id, indices.add(index));
  }
  return done;
}

const countOf = (done: ReadonlyMap<string, ReadonlySet<number>>): number =>
  [...done.values()].reduce((sum, { size }) => sum + size, 0);

/** The pictures of a row that are left, in stretches without a gap. */
function stretchesOf(row: BatchRow, done: ReadonlySet<number> = new Set()): Stretch[] {
  const stretches: Stretch[] = [];
  for (let begin = 0; begin < row.count; begin++) {
    if (done.has(begin)) continue;
    let end = begin + 1;
    while (end < row.count && !done.has(end)) end++;
    stretches.push({ row, begin, end });
    begin = end;
  }
  return stretches;
}

/** What is said about a picture beside it. */
function aboutOf(row: BatchRow, index: number, image: GeneratedImage): Buffer {
  const { facts, statistics } = image;
  const about = { id: row.id, index, ...facts, request: row.fields, statistics };
  return Buffer.from(`${JSON.stringify(about, undefined, 2)}\n`);
}
