import {
  closeSync,
  existsSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import * as z from 'zod';
import { StylearError } from '../../error.ts';
import { type FileLock, takeLock } from '../../file_lock.ts';
import { requireIdentity } from '../../identity.ts';
import { flush, flushFolder } from '../../replace_file.ts';

const headSchema = z.strictObject({
  kind: z.literal('batch'),
  version: z.literal(1),
  /** The hash of the model. */
  model: z.string(),
  /** What it is asked with where a row does not say; older journals lack it. */
  defaults: z.record(z.string(), z.unknown()).optional(),
  /** What the pictures' files are, and whether they say how they were made. */
  form: z.string(),
});

const placeSchema = z.strictObject({
  /** Which tar file, and where what belongs to the picture ends in it, bytes. */
  shard: z.int().gte(0),
  end: z.int().gte(0),
});

const pictureSchema = z.strictObject({
  kind: z.literal('picture'),
  id: z.string(),
  index: z.int().gte(0),
  /** The hash of the row. */
  row: z.string(),
  file: z.string(),
  seed: z.int(),
  /** Of pictures in tar files. */
  place: placeSchema.optional(),
});

const failureSchema = z.strictObject({
  kind: z.literal('failed'),
  id: z.string(),
  index: z.int().gte(0),
  row: z.string(),
  code: z.string(),
  message: z.string(),
});

const entrySchema = z.discriminatedUnion('kind', [pictureSchema, failureSchema]);

export type JournalHead = Omit<z.output<typeof headSchema>, 'kind' | 'version'>;
export type Place = z.output<typeof placeSchema>;
export type PictureEntry = z.output<typeof pictureSchema>;
export type JournalEntry = z.output<typeof entrySchema>;

/**
 * What a batch has done, a line of JSON for each picture. A line is on the disk before its writer goes on,
 * and half a line, which an interruption leaves, is taken away when the journal is opened again. One run
 * at a time has it.
 */
export class Journal {
  /** What earlier runs did. */
  readonly entries: readonly JournalEntry[];
  private readonly path: string;
  private readonly fd: number;
  private readonly lock: FileLock;

  private constructor(path: string, fd: number, lock: FileLock, entries: readonly JournalEntry[]) {
    this.path = path;
    this.fd = fd;
    this.lock = lock;
    this.entries = entries;
  }

  /**
   * Opens a journal, or begins one.
   *
   * @throws `ERR_INPUT` when it is that of another batch or of another run that goes on, or damaged, or
   *         cannot be written
   */
  static open(path: string, head: JournalHead): Journal {
    const lock = takeLock(`${path}.lock`, 'the journal');
    let fd: number | undefined;
    try {
      const begun = existsSync(path);
      const text = begun ? readFileSync(path, 'utf8') : '';
      const whole = text.slice(0, text.lastIndexOf('\n') + 1);
      fd = openSync(path, 'a');
      if (whole.length < text.length) ftruncateSync(fd, Buffer.byteLength(whole));
      const lines = whole.split('\n').slice(0, -1);
      if (lines.length === 0) append(fd, { kind: 'batch', version: 1, ...head });
      else requireSame(path, parseLine(headSchema, path, 1, lines[0]!), head);
      if (!begun) flushFolder(dirname(path));
      const entries = lines.slice(1).map((line, i) => parseLine(entrySchema, path, i + 2, line));
      return new Journal(path, fd, lock, entries);
    } catch (error) {
      if (fd !== undefined) closeSync(fd);
      lock.release();
      throw writingError(path, error);
    }
  }

  /**
   * Notes an entry; it outlasts a crash when this returns.
   *
   * @throws `ERR_INPUT` when there is no room for it; the journal is then as it was
   */
  append(entry: JournalEntry): void {
    const { size } = fstatSync(this.fd);
    try {
      append(this.fd, entry);
    } catch (error) {
      // The next entry would go on with a line of which half was written.
      ftruncateSync(this.fd, size);
      throw writingError(this.path, error);
    }
  }

  close(): void {
    closeSync(this.fd);
    this.lock.release();
  }
}

function append(fd: number, entry: object): void {
  const line = Buffer.from(`${JSON.stringify(entry)}\n`);
  for (let at = 0; at < line.length; ) at += writeSync(fd, line, at);
  flush(fd);
}

function writingError(path: string, cause: unknown): unknown {
  if (cause instanceof StylearError) return cause;
  const got = (cause as Error).message;
  const message = `${path}: expected the file to be writable, got ${got}`;
  return new StylearError('ERR_INPUT', message, { cause });
}

function parseLine<Schema extends z.ZodType>(
  schema: Schema,
  path: string,
  line: number,
  source: string,
): z.output<Schema> {
  try {
    return schema.parse(JSON.parse(source));
  } catch (cause) {
    throw new StylearError(
      'ERR_INPUT',
      `${path}:${line}: expected an entry of a journal, got ${source.slice(0, 60)}`,
      { cause },
    );
  }
}

const advice = 'Go on with it, or write to another place.';

function requireSame(path: string, found: JournalHead, head: JournalHead): void {
  for (const key of ['model', 'form'] as const) {
    if (found[key] === head[key]) continue;
    throw new StylearError(
      'ERR_INPUT',
      `${path}: expected the ${key} of the batch that was begun, ${found[key]}, got ${head[key]}. ${advice}`,
    );
  }
  if (found.defaults)
    requireIdentity(path, JSON.stringify(found.defaults), JSON.stringify(head.defaults), advice);
}
