// Reads tar archives (POSIX.1-1988, ustar) strictly: what the format leaves open is refused.
import type { ByteSource } from '../weights/byte_source.ts';
import { shardError } from './shard_error.ts';
import { tarBlock } from './tar.ts';

/** A file of an archive. */
export interface TarMember {
  readonly name: string;
  /** Of its content, in the archive. */
  readonly offset: number;
  readonly bytes: number;
}

/** Archives are filled up with zeros to their record size, which is 10 KiB unless somebody chose. */
const mostPadding = 2 ** 20;

/**
 * The files of an archive in its order, without their contents. Folders are passed over.
 *
 * Throws `ERR_INPUT` for an archive that is cut short or damaged, and for links, extended headers and
 * names that leave its folder.
 */
export function tarMembers(source: ByteSource): TarMember[] {
  const members: TarMember[] = [];
  const names = new Set<string>();
  let at = 0;
  for (;;) {
    if (at + tarBlock > source.bytes)
      throw shardError(source.path, 'the archive', 'ended by two blocks of zeros', 'none of these');
    const header = source.read(at, tarBlock);
    if (isZero(header)) break;
    const { name, bytes, folder } = readHeader(source, at, header);
    const offset = at + tarBlock;
    if (bytes > source.bytes - offset) {
      const expected = `within the ${source.bytes} bytes of the archive`;
      throw shardError(source.path, name, expected, `${bytes} bytes from ${offset} on`);
    }
    if (!folder) {
      if (names.has(name)) throw shardError(source.path, name, 'there once', 'it twice');
      names.add(name);
      members.push({ name, offset, bytes });
    }
    at = offset + Math.ceil(bytes / tarBlock) * tarBlock;
  }
  const rest = source.bytes - at;
  if (rest < 2 * tarBlock || rest > mostPadding || !isZero(source.read(at, rest))) {
    const expected = `two blocks of zeros and at most ${mostPadding} bytes of such`;
    throw shardError(source.path, 'the end', expected, `${rest} bytes`);
  }
  return members;
}

/**
 * The content of a file whose place is known from elsewhere.
 *
 * Throws `ERR_INPUT` when it is not that file that stands there.
 */
export function readMember(source: ByteSource, { name, offset, bytes }: TarMember): Buffer {
  const begin = offset - tarBlock;
  if (begin < 0 || bytes > source.bytes - offset)
    throw shardError(source.path, name, 'inside the archive', `bytes from ${offset} on`);
  const block = source.read(begin, tarBlock + bytes);
  const found = readHeader(source, begin, block.subarray(0, tarBlock));
  if (found.name !== name || found.bytes !== bytes) {
    const advice = 'Write the index anew.';
    const got = `${found.name} of ${found.bytes}`;
    throw shardError(source.path, `what is at ${offset}`, `${name} of ${bytes} bytes`, got, {
      advice,
    });
  }
  return block.subarray(tarBlock);
}

function readHeader(
  { path }: ByteSource,
  at: number,
  header: Buffer,
): { readonly name: string; readonly bytes: number; readonly folder: boolean } {
  const where = `the header at ${at}`;
  const number = (begin: number, end: number, what: string): number => {
    const digits = header.toString('latin1', begin, end).replace(/[\0 ]+$/, '');
    if (!/^[0-7]+$/.test(digits))
      throw shardError(path, `${what} of ${where}`, 'octal digits', JSON.stringify(digits));
    return Number.parseInt(digits, 8);
  };
  const text = (begin: number, end: number) =>
    header.toString('utf8', begin, end).split('\0', 1)[0]!;
  // With spaces in the place of the sum itself.
  const sum = header.reduce((sum, byte, i) => sum + (i >= 148 && i < 156 ? 32 : byte), 0);
  if (number(148, 156, 'the sum') !== sum)
    throw shardError(path, `the sum of ${where}`, `${sum}`, `${number(148, 156, 'the sum')}`);
  if (header.toString('latin1', 257, 262) !== 'ustar')
    throw shardError(path, where, 'that of ustar', 'another');
  const type = String.fromCharCode(header[156]! || 0x30);
  if (type !== '0' && type !== '5') {
    const advice = 'Write the archive anew with tar --format=ustar, and files only.';
    throw shardError(path, where, 'that of a file or a folder', `type ${type}`, { advice });
  }
  const gnu = header[262] === 0x20;
  const prefix = gnu ? '' : text(345, 500);
  const full = (prefix ? `${prefix}/${text(0, 100)}` : text(0, 100)).replace(/^(?:\.\/)+/, '');
  const name = type === '5' ? full.replace(/\/$/, '') : full;
  const parts = name.split('/');
  const leaves = parts.some((part) => part === '' || part === '.' || part === '..');
  const isRoot = type === '5' && (name === '' || name === '.');
  if ((leaves && !isRoot) || name.includes('\\') || name.includes('\uFFFD'))
    throw shardError(
      path,
      `the name of ${where}`,
      'a path within the archive',
      JSON.stringify(name),
    );
  return { name, bytes: type === '5' ? 0 : number(124, 136, 'the size'), folder: type === '5' };
}

const isZero = (bytes: Buffer): boolean => bytes.every((byte) => byte === 0);
