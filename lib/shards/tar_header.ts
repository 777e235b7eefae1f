// A block that stands before the content of every file of a tar archive, and what headers of extended
// formats say of the file behind them: pax (POSIX.1-2001), and GNU's names that are too long for a block.
import { type ByteSource, quoted } from '../weights/byte_source.ts';
import { shardError } from './shard_error.ts';
import { tarBlock } from './tar.ts';

/** What one header says, without those before it. */
export interface TarHeader {
  /** `0` a file, `5` a folder, `x` and `g` pax, `L` a long name; others as they are. */
  readonly type: string;
  /** In the archive; cut where a header before it has the whole. */
  readonly name: string;
  /** Of what stands behind it. */
  readonly bytes: number;
}

/** What a header before a file says of it in the place of its own. */
export interface ExtendedHeader {
  readonly name?: string | undefined;
  readonly bytes?: number | undefined;
}

/** Of an extended header: far above what a path and times take. */
export const mostExtendedBytes = 2 ** 16;

/**
 * Keys of pax that change nothing about which bytes a file has and what it is called: times, owners,
 * comments, and what the file systems of others knew of it.
 */
const passedOver =
  /^(?:[acm]time|[ug]id|[ug]name|comment|LIBARCHIVE\.(?:creationtime|xattr\..+)|SCHILY\.(?:xattr\..+|acl\..+|fflags|dev|ino|nlink))$/s;

/**
 * Throws `ERR_INPUT` when the block is damaged or older than ustar.
 *
 * @param at  where the block is
 */
export function readHeader({ path }: ByteSource, at: number, block: Buffer): TarHeader {
  const where = `the header at ${at}`;
  const number = (begin: number, end: number, what: string): number => {
    const digits = block.toString('latin1', begin, end).replace(/[\0 ]+$/, '');
    if (!/^[0-7]+$/.test(digits))
      throw shardError(path, `${what} of ${where}`, 'octal digits', JSON.stringify(digits));
    return Number.parseInt(digits, 8);
  };
  const text = (begin: number, end: number) =>
    block.toString('utf8', begin, end).split('\0', 1)[0]!;
  // With spaces in the place of the sum itself.
  let sum = 8 * 0x20;
  for (let i = 0; i < tarBlock; i++) if (i < 148 || i >= 156) sum += block[i]!;
  if (number(148, 156, 'the sum') !== sum)
    throw shardError(path, `the sum of ${where}`, `${sum}`, `${number(148, 156, 'the sum')}`);
  if (block.toString('latin1', 257, 262) !== 'ustar')
    throw shardError(path, where, 'that of ustar', 'another');
  const type = String.fromCharCode(block[156]! || 0x30);
  const gnu = block[262] === 0x20;
  const prefix = gnu ? '' : text(345, 500);
  return {
    type,
    name: prefix ? `${prefix}/${text(0, 100)}` : text(0, 100),
    bytes: type === '5' ? 0 : number(124, 136, 'the size'),
  };
}

/**
 * What an extended header says of the file behind it, or, of type `g`, nothing of any file.
 *
 * Throws `ERR_INPUT` for what is no such header, and for keys that change what a file is.
 *
 * @param at  where the header is, whose content follows it
 */
export function readExtended(
  source: ByteSource,
  at: number,
  { type, bytes }: TarHeader,
): ExtendedHeader {
  const where = `the header at ${at}`;
  if (bytes > mostExtendedBytes)
    throw shardError(source.path, where, `of at most ${mostExtendedBytes} bytes`, `${bytes}`);
  const content = source.read(at + tarBlock, bytes);
  if (type === 'L') return { name: textOf(source, where, content).replace(/\0$/, '') };
  const extended: { name?: string; bytes?: number } = {};
  for (const [key, value] of paxRecords(source, where, content)) {
    if (passedOver.test(key)) continue;
    if (type === 'x' && key === 'path' && extended.name === undefined) {
      extended.name = value;
    } else if (type === 'x' && key === 'size' && extended.bytes === undefined) {
      if (!/^\d{1,15}$/.test(value))
        throw shardError(source.path, `the size of ${where}`, 'decimal digits', quoted(value));
      extended.bytes = Number(value);
    } else {
      const advice = 'Write the archive anew with tar --format=ustar, and files only.';
      const expected = 'of a path, a size, times and owners';
      throw shardError(source.path, where, expected, quoted(key), { advice });
    }
  }
  return extended;
}

/** Records of pax: the bytes of all of it in decimal digits, a space, `key=value` and a new line. */
function* paxRecords(
  source: ByteSource,
  where: string,
  content: Buffer,
): Generator<readonly [key: string, value: string]> {
  for (let at = 0; at < content.length; ) {
    const length = /^[1-9]\d{0,5}(?= )/.exec(content.toString('latin1', at, at + 7))?.[0];
    const end = at + Number(length);
    const begin = at + (length?.length ?? 0) + 1;
    const equals = content.indexOf('=', begin);
    // A length that is none gives an end that is none, which is larger than nothing.
    if (!(end <= content.length && content[end - 1] === 0x0a && equals > begin && equals < end))
      throw shardError(source.path, where, 'records of pax', `something else ${at} bytes on`);
    const key = textOf(source, where, content.subarray(begin, equals));
    // Attributes of file systems may hold any bytes.
    const value = content.subarray(equals + 1, end - 1);
    yield [key, passedOver.test(key) ? '' : textOf(source, where, value)];
    at = end;
  }
}

function textOf({ path }: ByteSource, where: string, bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw shardError(path, where, 'UTF-8', 'other bytes', { cause });
  }
}
