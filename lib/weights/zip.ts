import { type ByteSource, quoted, weightsError } from './byte_source.ts';

/** Where the bytes of an archive's file are. */
export interface ZipEntry {
  readonly name: string;
  readonly offset: number;
  readonly bytes: number;
}

const maxEntries = 1_000_000;
const maxDirectoryBytes = 256 * 2 ** 20;
/** Sizes follow the content; names are UTF-8. */
const allowedFlags = 0x0008 | 0x0800;

/** An entry of the central directory. */
interface Listed extends ZipEntry {
  readonly flags: number;
  readonly crc: number;
  /** Of its local header. */
  readonly header: number;
  /** One past its content. */
  readonly end: number;
}

/**
 * The entries of a zip archive that `torch.save` writes: stored, not compressed; each one's local
 * header says what the central directory says; they fill the file from its first byte to the
 * directory without gap or overlap, so that no two readers can see different archives in it.
 *
 * Checksums are not compared: that would read everything that is mapped to be read later.
 */
export function readZip(source: ByteSource): Map<string, ZipEntry> {
  const directory = findDirectory(source);
  const listed = readDirectory(source, directory).sort((a, b) => a.header - b.header);
  const entries = new Map<string, ZipEntry>();
  let end = 0;
  for (const entry of listed) {
    const { name, header } = entry;
    if (header !== end) {
      const what = `the header of entry ${quoted(name)}`;
      throw weightsError(source.path, what, `at byte ${end}, where the last ends`, `${header}`);
    }
    if (entries.has(name)) {
      throw weightsError(source.path, `entry ${quoted(name)}`, 'there once', 'two of them');
    }
    const { offset } = requireSameHeader(source, entry);
    end = endOf(source, entry, offset, directory.offset);
    entries.set(name, { name, offset, bytes: entry.bytes });
  }
  if (end !== directory.offset) {
    const expected = `at byte ${end}, after the last entry`;
    throw weightsError(source.path, 'the zip directory', expected, `${directory.offset}`);
  }
  return entries;
}

interface Directory {
  readonly offset: number;
  readonly bytes: number;
  readonly entries: number;
}

/** From the record at the very end of the file, and the one before it where that is zip64. */
function findDirectory(source: ByteSource): Directory {
  const at = source.bytes - 22;
  const end = at < 0 ? undefined : source.read(at, 22);
  if (end?.readUInt32LE(0) !== 0x06054b50 || end.readUInt16LE(20) !== 0) {
    const expected = 'a zip archive that ends with its directory';
    throw weightsError(source.path, 'the file', expected, 'another end');
  }
  const wrong = (what: string, got: unknown) =>
    weightsError(source.path, 'the end of the zip directory', what, `${got}`);
  if (end.readUInt32LE(4) !== 0) throw wrong('that of one disk', 'several');
  const short = {
    entries: end.readUInt16LE(10),
    bytes: end.readUInt32LE(12),
    offset: end.readUInt32LE(16),
  };
  if (end.readUInt16LE(8) !== short.entries) throw wrong('that of one disk', 'several');
  const long = readZip64(source, at - 20, wrong);
  const directory = long ?? { ...short, end: at };
  if (long) {
    const same =
      agree(short.entries, 0xffff, long.entries) &&
      agree(short.bytes, 0xffffffff, long.bytes) &&
      agree(short.offset, 0xffffffff, long.offset);
    if (!same) throw wrong('what its zip64 form says', 'another directory');
  }
  if (directory.entries > maxEntries || directory.bytes > maxDirectoryBytes) {
    const most = `at most ${maxEntries} entries in ${maxDirectoryBytes} bytes`;
    throw wrong(most, `${directory.entries} in ${directory.bytes}`);
  }
  if (directory.offset + directory.bytes !== directory.end) {
    throw wrong(`at byte ${directory.offset + directory.bytes}`, directory.end);
  }
  return directory;
}

const agree = (short: number, absent: number, long: number): boolean =>
  short === absent || short === long;

function readZip64(
  source: ByteSource,
  locatorAt: number,
  wrong: (what: string, got: unknown) => Error,
): (Directory & { readonly end: number }) | undefined {
  if (locatorAt < 0) return undefined;
  const locator = source.read(locatorAt, 20);
  if (locator.readUInt32LE(0) !== 0x07064b50) return undefined;
  const at = locatorAt - 56;
  const pointed = locator.readBigUInt64LE(8);
  if (at < 0 || pointed !== BigInt(at)) throw wrong(`zip64, at byte ${at}`, pointed);
  const record = source.read(at, 56);
  if (record.readUInt32LE(0) !== 0x06064b50 || record.readBigUInt64LE(4) !== 44n) {
    throw wrong('a zip64 record of 56 bytes', 'another');
  }
  const disks = [locator.readUInt32LE(4), record.readUInt32LE(16), record.readUInt32LE(20)];
  const entries = safe(record, 32, wrong);
  if (disks.some((disk) => disk !== 0) || locator.readUInt32LE(16) > 1) {
    throw wrong('that of one disk', 'several');
  }
  if (safe(record, 24, wrong) !== entries) throw wrong('that of one disk', 'several');
  return { entries, bytes: safe(record, 40, wrong), offset: safe(record, 48, wrong), end: at };
}

function safe(record: Buffer, at: number, wrong: (what: string, got: unknown) => Error): number {
  const value = record.readBigUInt64LE(at);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw wrong('less than 2^53', value);
  return Number(value);
}

function readDirectory(source: ByteSource, { offset, bytes, entries }: Directory): Listed[] {
  const all = source.read(offset, bytes);
  const wrong = (what: string, got: unknown) =>
    weightsError(source.path, 'an entry of the zip directory', what, `${got}`);
  const listed: Listed[] = [];
  let at = 0;
  while (listed.length < entries) {
    if (at + 46 > bytes || all.readUInt32LE(at) !== 0x02014b50) {
      throw wrong(`one of ${entries}`, `an end after ${listed.length}`);
    }
    const flags = all.readUInt16LE(at + 8);
    const method = all.readUInt16LE(at + 10);
    const nameBytes = all.readUInt16LE(at + 28);
    const extraBytes = all.readUInt16LE(at + 30);
    const commentBytes = all.readUInt16LE(at + 32);
    const next = at + 46 + nameBytes + extraBytes + commentBytes;
    if (next > bytes) throw wrong('inside the directory', `one that ends at ${offset + next}`);
    if (flags & ~allowedFlags)
      throw wrong('neither encrypted nor otherwise special', `flags ${flags}`);
    if (method !== 0) throw wrong('stored', `compression method ${method}`);
    if (commentBytes !== 0) throw wrong('without a comment', `${commentBytes} bytes of it`);
    if (all.readUInt16LE(at + 34) !== 0) throw wrong('on the first disk', 'another disk');
    const name = nameOf(source, all.subarray(at + 46, at + 46 + nameBytes));
    const extra = all.subarray(at + 46 + nameBytes, at + 46 + nameBytes + extraBytes);
    const [size, packed, header] = longForms(source, name, extra, [
      all.readUInt32LE(at + 24),
      all.readUInt32LE(at + 20),
      all.readUInt32LE(at + 42),
    ]) as [number, number, number];
    if (size !== packed) throw wrong(`stored in ${size} bytes`, packed);
    const crc = all.readUInt32LE(at + 16);
    listed.push({ name, flags, crc, header, bytes: size, offset: 0, end: 0 });
    at = next;
  }
  if (at !== bytes) throw wrong(`the last of ${entries}`, `${bytes - at} bytes after it`);
  return listed;
}

/** A relative path with nothing in it that leads elsewhere. */
function nameOf(source: ByteSource, bytes: Buffer): string {
  let name: string;
  try {
    name = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw weightsError(source.path, 'a zip entry', 'named in UTF-8', 'other bytes', { cause });
  }
  const parts = name.split('/');
  if (/[\\\0]/.test(name) || parts.some((part) => part === '' || part === '.' || part === '..')) {
    throw weightsError(source.path, 'a zip entry', 'named by a plain relative path', quoted(name));
  }
  return name;
}

/** Numbers of 32 bits, each replaced by one of 64 from the zip64 field where it is all ones. */
function longForms(
  source: ByteSource,
  name: string,
  extra: Buffer,
  short: readonly number[],
): number[] {
  const wrong = (what: string, got: unknown) =>
    weightsError(source.path, `the extra field of entry ${quoted(name)}`, what, `${got}`);
  let field: Buffer | undefined;
  for (let at = 0; at < extra.length; ) {
    if (at + 4 > extra.length) throw wrong('whole', 'a part');
    const bytes = extra.readUInt16LE(at + 2);
    if (at + 4 + bytes > extra.length) throw wrong('whole', 'a part');
    if (extra.readUInt16LE(at) === 1) {
      if (field) throw wrong('one zip64 field', 'two');
      field = extra.subarray(at + 4, at + 4 + bytes);
    }
    at += 4 + bytes;
  }
  let used = 0;
  const long = short.map((value) => {
    if (value !== 0xffffffff) return value;
    if (!field || used + 8 > field.length) throw wrong('a zip64 field', 'none, or too short a one');
    used += 8;
    return safe(field, used - 8, wrong);
  });
  if (field && used !== field.length) throw wrong(`a zip64 field of ${used} bytes`, field.length);
  return long;
}

/** @returns where the content begins */
function requireSameHeader(source: ByteSource, entry: Listed): { readonly offset: number } {
  const { name, header, flags, crc, bytes } = entry;
  const wrong = (got: string) =>
    weightsError(
      source.path,
      `the local header of entry ${quoted(name)}`,
      'what the zip directory says',
      got,
    );
  if (header + 30 > source.bytes) throw wrong('none');
  const local = source.read(header, 30);
  if (local.readUInt32LE(0) !== 0x04034b50) throw wrong('none');
  if (local.readUInt16LE(6) !== flags) throw wrong('other flags');
  if (local.readUInt16LE(8) !== 0) throw wrong('another compression method');
  const nameBytes = local.readUInt16LE(26);
  const extraBytes = local.readUInt16LE(28);
  if (header + 30 + nameBytes + extraBytes > source.bytes) throw wrong('one that is cut off');
  const rest = source.read(header + 30, nameBytes + extraBytes);
  if (!rest.subarray(0, nameBytes).equals(Buffer.from(name))) throw wrong('another name');
  const short = [local.readUInt32LE(22), local.readUInt32LE(18)] as const;
  const deferred = (flags & 0x0008) !== 0 && short[0] === 0 && short[1] === 0;
  if (!deferred) {
    const [size, packed] = longForms(source, name, rest.subarray(nameBytes), short);
    if (size !== bytes || packed !== bytes) throw wrong('other sizes');
  }
  const sameCrc = local.readUInt32LE(14) === crc || (deferred && local.readUInt32LE(14) === 0);
  if (!sameCrc) throw wrong('another checksum');
  return { offset: header + 30 + nameBytes + extraBytes };
}

/** One past the content of an entry and what follows it. */
function endOf(source: ByteSource, entry: Listed, offset: number, limit: number): number {
  const { name, flags, crc, bytes } = entry;
  const end = offset + bytes;
  if (end > limit) {
    const got = `one that ends at ${end}`;
    throw weightsError(source.path, `entry ${quoted(name)}`, `before byte ${limit}`, got);
  }
  if ((flags & 0x0008) === 0) return end;
  // Its sizes follow, in 4 or 8 bytes each, with or without a signature.
  const after = source.read(end, Math.min(24, limit - end));
  const signed = after.length >= 4 && after.readUInt32LE(0) === 0x08074b50;
  for (const begin of signed ? [4, 0] : [0]) {
    if (after.length < begin + 4 || after.readUInt32LE(begin) !== crc) continue;
    const long = begin + 20 <= after.length && readPair64(after, begin + 4) === bytes;
    if (long && (bytes !== 0 || !isEntryStart(after, begin + 12))) return end + begin + 20;
    if (begin + 12 > after.length) continue;
    const same = after.readUInt32LE(begin + 4) === bytes && after.readUInt32LE(begin + 8) === bytes;
    if (same) return end + begin + 12;
  }
  const what = `what follows entry ${quoted(name)}`;
  throw weightsError(source.path, what, 'the sizes in the zip directory', 'something else');
}

/** Two equal numbers of 64 bits, or undefined. */
function readPair64(bytes: Buffer, at: number): number | undefined {
  const first = bytes.readBigUInt64LE(at);
  return first === bytes.readBigUInt64LE(at + 8) ? Number(first) : undefined;
}

const isEntryStart = (bytes: Buffer, at: number): boolean =>
  at + 2 <= bytes.length && bytes.readUInt16LE(at) === 0x4b50;
