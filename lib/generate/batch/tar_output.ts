import {
  closeSync,
  existsSync,
  fstatSync,
  ftruncateSync,
  openSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { StylearError } from '../../error.ts';
import { makeFolder } from '../../make_folder.ts';
import { flush, flushFolder } from '../../replace_file.ts';
import { tarEnd, tarEntry } from '../../shards/tar.ts';
import { writingTo } from '../../write_file.ts';
import type { PictureEntry, Place } from './journal.ts';
import type { BatchOutput, OutputFile } from './output.ts';

/** An archive that is being written. */
interface Shard {
  readonly number: number;
  readonly fd: number;
  /** Bytes of its entries. */
  end: number;
}

/**
 * Tar files one after the other, `shards-00000.tar` and so on for `shards.tar`. What belongs to a picture
 * stands together in one of them.
 */
export class TarOutput implements BatchOutput {
  readonly journal: string;
  private readonly stem: string;
  private readonly shardBytes: number;
  private shard: Shard | undefined;

  /**
   * @param path        ends in `.tar`
   * @param shardBytes  that one tar file has at most, unless a single picture has more
   * @throws `ERR_INPUT` when there are such files without a journal, or the folder cannot be made
   */
  constructor(path: string, shardBytes: number) {
    this.stem = path.slice(0, -'.tar'.length);
    this.shardBytes = shardBytes;
    this.journal = `${this.stem}.journal.jsonl`;
    makeFolder(dirname(path));
    if (existsSync(this.journal) || !existsSync(this.pathOf(0))) return;
    const expected = 'no such file, or the journal of its batch beside it';
    throw new StylearError('ERR_INPUT', `${this.pathOf(0)}: expected ${expected}, got one`);
  }

  resume(done: readonly PictureEntry[]): readonly PictureEntry[] {
    const ends = new Map(done.flatMap(({ place }) => (place ? [[place.shard, place.end]] : [])));
    const last = Math.max(-1, ...ends.keys());
    for (let number = last + 1; existsSync(this.pathOf(number)); number++)
      this.attempt(number, () => rmSync(this.pathOf(number)));
    for (const [number, end] of ends) {
      const shard = this.open(number, end);
      // The last one is gone on with; whether those before it were closed need not be known.
      if (number === last) this.shard = shard;
      else this.closeShard(shard);
    }
    return done;
  }

  async add(files: readonly OutputFile[]): Promise<Place> {
    const bytes = Buffer.concat(files.map(({ name, bytes }) => tarEntry(name, bytes)));
    const size = bytes.length + tarEnd.length;
    if (this.shard && this.shard.end > 0 && this.shard.end + size > this.shardBytes) {
      const { number } = this.shard;
      this.close();
      this.shard = this.open(number + 1, 0);
    }
    this.shard ??= this.open(0, 0);
    const { shard } = this;
    this.attempt(shard.number, () => {
      writeAt(shard.fd, bytes, shard.end);
      flush(shard.fd);
    });
    shard.end += bytes.length;
    return { shard: shard.number, end: shard.end };
  }

  close(): void {
    const { shard } = this;
    this.shard = undefined;
    if (shard) this.closeShard(shard);
  }

  private pathOf(number: number): string {
    return `${this.stem}-${`${number}`.padStart(5, '0')}.tar`;
  }

  /** Opens a shard, without what comes after an end. */
  private open(number: number, end: number): Shard {
    const path = this.pathOf(number);
    return this.attempt(number, () => {
      const fd = openSync(path, end > 0 ? 'r+' : 'w');
      const { size } = fstatSync(fd);
      if (size < end) {
        closeSync(fd);
        const expected = `at least the ${end} bytes that are journaled`;
        throw new StylearError('ERR_INPUT', `${path}: expected ${expected}, got ${size}`);
      }
      ftruncateSync(fd, end);
      flush(fd);
      flushFolder(dirname(path));
      return { number, fd, end };
    });
  }

  private closeShard({ number, fd, end }: Shard): void {
    this.attempt(number, () => {
      try {
        writeAt(fd, tarEnd, end);
        flush(fd);
      } finally {
        closeSync(fd);
      }
    });
  }

  private attempt<T>(number: number, action: () => T): T {
    return writingTo(this.pathOf(number), action);
  }
}

function writeAt(fd: number, bytes: Uint8Array, position: number): void {
  for (let at = 0; at < bytes.length; )
    at += writeSync(fd, bytes, at, bytes.length - at, position + at);
}
