import { type ByteSource, weightsError } from './byte_source.ts';

const maxStringBytes = 16 * 2 ** 20;
const maxLineBytes = 4096;
const windowBytes = 2 ** 16;

/** Reads forward through a part of a file, a window at a time. */
export class PickleCursor {
  /** The file's path, for errors. */
  readonly path: string;
  /** What errors call the bytes it reads. */
  readonly what: string;
  /** The next byte, from the start of the file. */
  at: number;
  private readonly source: ByteSource;
  private readonly end: number;
  private window: Buffer = Buffer.alloc(0);
  private windowAt = 0;
  private stringBytes = 0;

  constructor(source: ByteSource, what: string, at: number, end: number) {
    this.source = source;
    this.path = source.path;
    this.what = what;
    this.at = at;
    this.end = end;
  }

  byte(): number {
    return this.bytes(1)[0]!;
  }

  bytes(length: number): Buffer {
    if (length > this.end - this.at) {
      const got = `one that goes on for ${length} bytes`;
      throw weightsError(this.path, this.what, `over at byte ${this.end}`, got);
    }
    let from = this.at - this.windowAt;
    if (from < 0 || from + length > this.window.length) {
      this.windowAt = this.at;
      const whole = Math.min(Math.max(length, windowBytes), this.end - this.at);
      this.window = this.source.read(this.at, whole);
      from = 0;
    }
    this.at += length;
    return this.window.subarray(from, from + length);
  }

  /** A number from 0, little-endian, in 2, 4 or 8 bytes. */
  count(length: 2 | 4 | 8): number {
    const bytes = this.bytes(length);
    const value = length === 8 ? Number(bytes.readBigUInt64LE()) : bytes.readUIntLE(0, length);
    if (Number.isSafeInteger(value)) return value;
    throw weightsError(this.path, `a length in ${this.what}`, 'less than 2^53', `${value}`);
  }

  /** A string of so many bytes of UTF-8. */
  text(length: number): string {
    this.stringBytes += length;
    if (this.stringBytes > maxStringBytes) {
      const expected = `at most ${maxStringBytes} bytes`;
      throw weightsError(this.path, `the strings of ${this.what}`, expected, 'more');
    }
    const bytes = this.bytes(length);
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch (cause) {
      const got = 'other bytes';
      throw weightsError(this.path, `the strings of ${this.what}`, 'UTF-8', got, { cause });
    }
  }

  /** What is written up to the next line feed, which is read too. */
  line(): string {
    const begin = this.at;
    let length = 0;
    while (this.byte() !== 0x0a) {
      if (++length > maxLineBytes) {
        const expected = `at most ${maxLineBytes} bytes`;
        throw weightsError(this.path, `a line of ${this.what}`, expected, 'more');
      }
    }
    this.at = begin;
    const text = this.text(length);
    this.at++;
    return text;
  }
}
