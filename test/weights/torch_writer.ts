// Builds the files that torch.save writes, and such as it never would.

export const u16 = (value: number): Buffer => le(value, 2);
export const u32 = (value: number): Buffer => le(value, 4);
export const u64 = (value: number | bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
};

function le(value: number, width: number): Buffer {
  const bytes = Buffer.alloc(width);
  bytes.writeUIntLE(value, 0, width);
  return bytes;
}

export const join = (...parts: readonly (string | Uint8Array)[]): Buffer =>
  Buffer.concat(
    parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part)),
  );

// ---- pickles: each function gives the opcodes that push one value

export const text = (value: string): Buffer => {
  const bytes = Buffer.from(value);
  return join('X', u32(bytes.length), bytes);
};
export const int = (value: number): Buffer => {
  if (value >= -(2 ** 31) && value < 2 ** 31) {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32LE(value);
    return join('J', bytes);
  }
  return join('\x8a\x08', u64(BigInt.asUintN(64, BigInt(value))));
};
export const tuple = (...items: readonly Uint8Array[]): Buffer => join('(', ...items, 't');
export const ints = (values: readonly number[]): Buffer => tuple(...values.map(int));
export const list = (...items: readonly Uint8Array[]): Buffer => join('](', ...items, 'e');
export const dict = (...pairs: readonly (readonly [string, Uint8Array])[]): Buffer =>
  join('}(', ...pairs.flatMap(([key, value]) => [text(key), value]), 'u');
export const global = (module: string, name: string): Buffer => join(`c${module}\n${name}\n`);
export const call = (callee: Uint8Array, ...args: readonly Uint8Array[]): Buffer =>
  join(callee, tuple(...args), 'R');
export const none = join('N');
export const no = join('\x89');
export const yes = join('\x88');
export const pickle = (...parts: readonly (string | Uint8Array)[]): Buffer =>
  join('\x80\x02', ...parts, '.');

export const orderedDict = call(global('collections', 'OrderedDict'));

export interface StorageSpec {
  readonly key?: string;
  readonly type?: string;
  readonly count: number;
  readonly module?: string;
  readonly view?: Uint8Array;
}

export const storage = ({
  key = '0',
  type = 'FloatStorage',
  count,
  module = 'torch',
  view,
}: StorageSpec): Buffer =>
  join(
    tuple(
      text('storage'),
      global(module, type),
      text(key),
      text('cpu'),
      int(count),
      ...(view ? [view] : []),
    ),
    'Q',
  );

/** A tensor by `_rebuild_tensor_v2`. */
export const tensor = (
  from: Uint8Array,
  shape: readonly number[],
  strides: readonly number[],
  offset = 0,
): Buffer =>
  call(
    global('torch._utils', '_rebuild_tensor_v2'),
    from,
    int(offset),
    ints(shape),
    ints(strides),
    no,
    orderedDict,
  );

// ---- zip archives

export interface ZipPart {
  readonly name: string;
  readonly content: Uint8Array;
  /** What the local header or the directory says in place of the truth. */
  readonly local?: Partial<ZipClaims>;
  readonly central?: Partial<ZipClaims>;
  /** Sizes after the content, as torch writes them. */
  readonly descriptor?: boolean;
  readonly zip64?: boolean;
  /** Not in the directory. */
  readonly hidden?: boolean;
}

interface ZipClaims {
  readonly name: string;
  readonly flags: number;
  readonly method: number;
  readonly crc: number;
  readonly bytes: number;
  readonly packed: number;
  readonly offset: number;
  readonly disk: number;
  readonly comment: string;
  readonly extra: Uint8Array;
}

export interface ZipEnd {
  readonly entries?: number;
  readonly bytes?: number;
  readonly offset?: number;
  readonly disk?: number;
  readonly comment?: string;
  readonly zip64?: boolean;
  readonly before?: Uint8Array;
  readonly gap?: Uint8Array;
}

export function zip(parts: readonly ZipPart[], end: ZipEnd = {}): Buffer {
  const pieces: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  const push = (bytes: Buffer) => {
    pieces.push(bytes);
    at += bytes.length;
  };
  if (end.before) push(Buffer.from(end.before));
  for (const part of parts) {
    const bytes = part.content.length;
    const truth: ZipClaims = {
      name: part.name,
      flags: part.descriptor ? 0x808 : 0x800,
      method: 0,
      crc: 0x12345678,
      bytes,
      packed: bytes,
      offset: at,
      disk: 0,
      comment: '',
      extra: Buffer.alloc(0),
    };
    const local = { ...truth, ...part.local };
    const central = { ...truth, ...part.central };
    const deferred = part.descriptor;
    const header = at;
    push(
      join(
        u32(0x04034b50),
        u16(45),
        u16(local.flags),
        u16(local.method),
        u32(0),
        u32(deferred ? 0 : local.crc),
        u32(part.zip64 ? 0xffffffff : deferred ? 0 : local.packed),
        u32(part.zip64 ? 0xffffffff : deferred ? 0 : local.bytes),
        u16(Buffer.byteLength(local.name)),
        u16(local.extra.length + (part.zip64 ? 20 : 0)),
        Buffer.from(local.name),
        part.zip64 ? join(u16(1), u16(16), u64(local.bytes), u64(local.packed)) : '',
        local.extra,
      ),
    );
    push(Buffer.from(part.content));
    if (deferred) push(join(u32(0x08074b50), u32(local.crc), u32(local.packed), u32(local.bytes)));
    if (part.hidden) continue;
    directory.push(
      join(
        u32(0x02014b50),
        u16(45),
        u16(45),
        u16(central.flags),
        u16(central.method),
        u32(0),
        u32(central.crc),
        u32(part.zip64 ? 0xffffffff : central.packed),
        u32(part.zip64 ? 0xffffffff : central.bytes),
        u16(Buffer.byteLength(central.name)),
        u16(central.extra.length + (part.zip64 ? 28 : 0)),
        u16(central.comment.length),
        u16(central.disk),
        u16(0),
        u32(0),
        u32(part.zip64 ? 0xffffffff : (part.central?.offset ?? header)),
        Buffer.from(central.name),
        part.zip64
          ? join(u16(1), u16(24), u64(central.bytes), u64(central.packed), u64(central.offset))
          : '',
        central.extra,
        central.comment,
      ),
    );
  }
  if (end.gap) push(Buffer.from(end.gap));
  const offset = at;
  for (const entry of directory) push(entry);
  const size = at - offset;
  const entries = end.entries ?? directory.length;
  if (end.zip64) {
    const record = at;
    push(
      join(
        u32(0x06064b50),
        u64(44),
        u16(45),
        u16(45),
        u32(0),
        u32(0),
        u64(entries),
        u64(entries),
        u64(end.bytes ?? size),
        u64(end.offset ?? offset),
        u32(0x07064b50),
        u32(0),
        u64(record),
        u32(1),
      ),
    );
  }
  push(
    join(
      u32(0x06054b50),
      u16(end.disk ?? 0),
      u16(end.disk ?? 0),
      u16(end.zip64 ? 0xffff : entries),
      u16(end.zip64 ? 0xffff : entries),
      u32(end.zip64 ? 0xffffffff : (end.bytes ?? size)),
      u32(end.zip64 ? 0xffffffff : (end.offset ?? offset)),
      u16(end.comment?.length ?? 0),
      end.comment ?? '',
    ),
  );
  return Buffer.concat(pieces);
}

/** An archive as torch.save writes it. */
export function archive(
  data: Uint8Array,
  storages: Readonly<Record<string, Uint8Array>> = {},
  { descriptor = true, zip64 = false, byteorder = 'little' } = {},
): Buffer {
  const part = (name: string, content: Uint8Array): ZipPart => ({
    name: `model/${name}`,
    content,
    descriptor: descriptor && !zip64,
    zip64,
  });
  return zip(
    [
      part('data.pkl', data),
      part('byteorder', Buffer.from(byteorder)),
      ...Object.entries(storages).map(([key, content]) => part(`data/${key}`, content)),
      part('version', Buffer.from('3\n')),
    ],
    { zip64 },
  );
}

/** A file as torch.save wrote it before 1.6; of each storage its key, stated count and bytes. */
export function legacy(
  data: Uint8Array,
  storages: readonly (readonly [string, number, Uint8Array])[] = [],
  {
    magic = pickle('\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19'),
    version = pickle(join('M', u16(1001))),
    machine = pickle(dict(['protocol_version', int(1001)], ['little_endian', yes])),
  } = {},
): Buffer {
  return join(
    magic,
    version,
    machine,
    data,
    pickle(list(...storages.map(([key]) => text(key)))),
    ...storages.flatMap(([, count, bytes]) => [u64(count), bytes]),
  );
}

export const floats = (count: number, first = 0): Buffer => {
  const bytes = Buffer.alloc(4 * count);
  for (let i = 0; i < count; i++) bytes.writeFloatLE(first + i, 4 * i);
  return bytes;
};
