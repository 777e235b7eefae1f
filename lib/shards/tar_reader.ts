// Reads tar archives strictly, as tar, Python and WebDataset write them: ustar (POSIX.1-1988), with pax
// headers or GNU's long names before its files. What the formats leave open is refused.
import { cut } from '../shown.ts';
import { type ByteSource, quoted } from '../weights/byte_source.ts';
import { shardError } from './shard_error.ts';
import { tarBlock } from './tar.ts';
import { type ExtendedHeader, readExtended, readHeader, type TarHeader } from './tar_header.ts';

/** A file of an archive. */
export interface TarMember {
  readonly name: string;
  /** Of its content, in the archive. */
  readonly offset: number;
  readonly bytes: number;
  /** What its own header says, where one before it says otherwise. */
  readonly header?: Pick<TarHeader, 'name' | 'bytes'> | undefined;
}

/** Archives are filled up with zeros to their record size, which is 10 KiB unless somebody chose. */
const mostPadding = 2 ** 20;

/**
 * The files of an archive in its order, without their contents. Folders are passed over.
 *
 * Throws `ERR_INPUT` for an archive that is cut short, damaged or packed, and for links, headers that
 * make something else of a file than its name and its bytes, and names that leave its folder.
 */
export const tarMembers = (source: ByteSource): TarMember[] => [...eachTarMember(source)];

/** The same one at a time, so that a member can be looked at on the way; what is wrong is told when it is met. */
export function* eachTarMember(source: ByteSource): Generator<TarMember, void, undefined> {
  requireUnpacked(source);
  const names = new Set<string>();
  /** Of the file that comes next. */
  let extended: ExtendedHeader | undefined;
  let at = 0;
  for (;;) {
    if (at + tarBlock > source.bytes)
      throw shardError(source.path, 'the archive', 'ended by two blocks of zeros', 'none of these');
    const block = source.read(at, tarBlock);
    if (isZero(block)) break;
    const header = readHeader(source, at, block);
    const isExtended = header.type === 'x' || header.type === 'g' || header.type === 'L';
    const { name, bytes } = isExtended ? header : fileOf(source, at, header, extended);
    const offset = at + tarBlock;
    if (bytes > source.bytes - offset) {
      const expected = `within the ${source.bytes} bytes of the archive`;
      throw shardError(source.path, cut(name, 80), expected, `${bytes} bytes from ${offset} on`);
    }
    if (isExtended) {
      const own = readExtended(source, at, header);
      if (header.type !== 'g') {
        if (extended)
          throw shardError(source.path, `what is before ${at}`, 'one header of a file', 'two');
        extended = own;
      }
    } else {
      if (header.type === '0') {
        if (names.has(name)) throw shardError(source.path, cut(name, 80), 'there once', 'it twice');
        names.add(name);
        yield { name, offset, bytes, header: extended && header };
      }
      extended = undefined;
    }
    at = offset + Math.ceil(bytes / tarBlock) * tarBlock;
  }
  if (extended) throw shardError(source.path, `what is at ${at}`, 'the file of a header', 'zeros');
  const rest = source.bytes - at;
  if (rest < 2 * tarBlock || rest > mostPadding || !isZero(source.read(at, rest))) {
    const expected = `two blocks of zeros and at most ${mostPadding} bytes of such`;
    throw shardError(source.path, 'the end', expected, `${rest} bytes`);
  }
}

/**
 * The content of a file whose place is known from elsewhere.
 *
 * Throws `ERR_INPUT` when it is not that file that stands there.
 */
export function readMember(source: ByteSource, member: TarMember): Buffer {
  const { name, offset, bytes, header } = member;
  const begin = offset - tarBlock;
  if (begin < 0 || bytes > source.bytes - offset)
    throw shardError(source.path, cut(name, 80), 'inside the archive', `bytes from ${offset} on`);
  const block = source.read(begin, tarBlock + bytes);
  const found = readHeader(source, begin, block.subarray(0, tarBlock));
  const isThere = header
    ? found.name === header.name && found.bytes === header.bytes
    : withoutDot(found.name) === name && found.bytes === bytes;
  if (!isThere || found.type !== '0') {
    const advice = 'Write the index anew.';
    const got = `${found.name} of ${found.bytes}`;
    const expected = `${cut(name, 80)} of ${bytes} bytes`;
    throw shardError(source.path, `what is at ${offset}`, expected, got, { advice });
  }
  return block.subarray(tarBlock);
}

/** What a file is called and how long it is, by its header and the one before it. */
function fileOf(
  { path }: ByteSource,
  at: number,
  { type, ...own }: TarHeader,
  extended: ExtendedHeader = {},
): { readonly name: string; readonly bytes: number } {
  const where = `the header at ${at}`;
  if (type !== '0' && type !== '5') {
    const advice = 'Write the archive anew with tar --format=ustar, and files only.';
    throw shardError(path, where, 'that of a file or a folder', `type ${type}`, { advice });
  }
  const full = withoutDot(extended.name ?? own.name);
  const name = type === '5' ? full.replace(/\/$/, '') : full;
  const parts = name.split('/');
  const leaves = parts.some((part) => part === '' || part === '.' || part === '..');
  const isRoot = type === '5' && (name === '' || name === '.');
  if ((leaves && !isRoot) || /[\\\0\uFFFD]/.test(name))
    throw shardError(path, `the name of ${where}`, 'a path within the archive', quoted(name));
  return { name, bytes: type === '5' ? 0 : (extended.bytes ?? own.bytes) };
}

function requireUnpacked(source: ByteSource): void {
  if (source.bytes < 2 || source.read(0, 2).readUInt16BE() !== 0x1f8b) return;
  const advice = 'Unpack it with gunzip.';
  throw shardError(source.path, 'the archive', 'a tar', 'gzip', { advice });
}

const withoutDot = (name: string): string => name.replace(/^(?:\.\/)+/, '');

const isZero = (bytes: Buffer): boolean => bytes.every((byte) => byte === 0);
