import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { StylearError } from '../../lib/error.ts';
import { inMemory } from '../../lib/weights/byte_source.ts';
import { readTorchFile } from '../../lib/weights/torch_file.ts';
import {
  archive,
  call,
  dict,
  floats,
  global,
  int,
  ints,
  join,
  legacy,
  list,
  no,
  none,
  orderedDict,
  pickle,
  storage,
  tensor,
  text,
  tuple,
  u16,
  u32,
  u64,
  yes,
  type ZipEnd,
  type ZipPart,
  zip,
} from './torch_writer.ts';

const folder = mkdtempSync(joinPath(tmpdir(), 'stylear-malicious-'));
afterAll(() => rmSync(folder, { recursive: true }));
const marker = joinPath(folder, 'called');
const command = `touch ${marker}`;

const six = storage({ count: 6 });
const x = tensor(six, [6], [1]);
const good = pickle(dict(['x', x]));
const system = global('os', 'system');
const rebuild = global('torch._utils', '_rebuild_tensor_v2');
const short = (value: string) => join('\x8c', Buffer.of(value.length), value);

const memos = (count: number): Buffer => {
  const bytes = Buffer.alloc(5 * count, 'r');
  for (let i = 0; i < count; i++) bytes.writeUInt32LE(i, 5 * i + 1);
  return bytes;
};

/** Pickles that would do harm, or never end, in a machine that does as it is told. */
const pickles: Record<string, Buffer> = {
  'reduce of os.system': pickle(system, tuple(text(command)), 'R'),
  'reduce of posix.system': pickle(call(global('posix', 'system'), text(command))),
  'reduce of nt.system': pickle(call(global('nt', 'system'), text(command))),
  'reduce of subprocess.Popen': pickle(call(global('subprocess', 'Popen'), text(command))),
  'reduce of builtins.eval': pickle(call(global('builtins', 'eval'), text('1'))),
  'reduce of __builtin__.exec': pickle(call(global('__builtin__', 'exec'), text('1'))),
  'reduce of builtins.getattr': pickle(call(global('builtins', 'getattr'), none, text('x'))),
  'reduce of builtins.__import__': pickle(call(global('builtins', '__import__'), text('os'))),
  'reduce of builtins.open': pickle(call(global('builtins', 'open'), text(marker), text('w'))),
  'reduce of runpy': pickle(call(global('runpy', '_run_code'), text('1'), dict())),
  'reduce of importlib': pickle(call(global('importlib', 'import_module'), text('os'))),
  'reduce of pickle.loads': pickle(call(global('pickle', 'loads'), text('.'))),
  'reduce of torch.load': pickle(call(global('torch', 'load'), text(marker))),
  'reduce of _load_from_bytes': pickle(call(global('torch.storage', '_load_from_bytes'), text(''))),
  'reduce of torch.jit': pickle(call(global('torch.jit', 'load'), text(marker))),
  'reduce of torch.hub': pickle(call(global('torch.hub', 'load'), text('x'))),
  'reduce of numpy reconstruct': pickle(
    call(global('numpy.core.multiarray', '_reconstruct'), text('x')),
  ),
  'reduce of copyreg': pickle(call(global('copyreg', '_reconstructor'), none, none, none)),
  'reduce of codecs.encode': pickle(call(global('_codecs', 'encode'), text('x'), text('latin1'))),
  'reduce of a node name': pickle(call(global('child_process', 'execSync'), text(command))),
  'reduce of process.exit': pickle(call(global('process', 'exit'), int(1))),
  'reduce of Object.constructor': pickle(call(global('Object', 'constructor'), text('1'))),
  'a name of the prototype': pickle(global('__proto__', 'constructor')),
  'a name alone, not called': pickle(system),
  'a name in a value': pickle(dict(['x', x], ['hook', system])),
  'a name popped at once': pickle(system, '0', dict(['x', x])),
  'a name with a dotted path': pickle(global('torch', '_utils.os.system')),
  'a name split elsewhere': pickle(global('torch._utils._rebuild_tensor_v2', '')),
  'a name with spaces': pickle(global(' os', 'system ')),
  'a name beyond ASCII': pickle('c\u00f6s\nsystem\n'),
  'a name without an end': pickle('cos\nsystem'),
  'a name of a megabyte': pickle(`c${'o'.repeat(1e6)}\nx\n`),
  'a stacked global': pickle(short('os'), short('system'), '\x93', tuple(text(command)), 'R'),
  'a stacked global from memos': pickle(
    text('os'),
    'q\x00',
    text('system'),
    'q\x01',
    '00h\x00h\x01\x93',
    tuple(text(command)),
    'R',
  ),
  'a stacked global of numbers': pickle(int(1), int(2), '\x93'),
  'a stacked global of one string': pickle(short('os'), '\x93'),
  'inst of os.system': pickle('(', text(command), 'ios\nsystem\n'),
  'inst of a known name': pickle('(icollections\nOrderedDict\n'),
  'obj of os.system': pickle('(', system, text(command), 'o'),
  'obj of a known name': pickle('(', global('collections', 'OrderedDict'), 'o'),
  'newobj of os.system': pickle(system, tuple(text(command)), '\x81'),
  'newobj of a known name': pickle(global('collections', 'OrderedDict'), ')\x81'),
  'newobj_ex of a known name': pickle(global('collections', 'OrderedDict'), ')}\x92'),
  'an extension code of 1 byte': pickle('\x82\x01'),
  'an extension code of 2 bytes': pickle('\x83\x01\x00'),
  'an extension code of 4 bytes': pickle('\x84\x01\x00\x00\x00'),
  'a buffer from outside': pickle('\x97'),
  'a read-only buffer': pickle(none, '\x98'),
  'build of a list': pickle(']', dict(['__class__', text('x')]), 'b'),
  'build of a plain dict': pickle('}', dict(['__dict__', dict()]), 'b'),
  'build of a tensor': pickle(x, dict(['__setstate__', text('x')]), 'b'),
  'build of a function': pickle(rebuild, dict(['__code__', text('x')]), 'b'),
  'build with a tuple of slots': pickle(orderedDict, tuple(none, dict()), 'b'),
  'a call of a string': pickle(call(text('os.system'), text(command))),
  'a call of a dtype': pickle(call(global('torch', 'float32'))),
  'a call of a storage type': pickle(call(global('torch', 'FloatStorage'), int(6))),
  'a call of a tensor': pickle(call(x)),
  'a call with a list': pickle(rebuild, '](', six, 'e', 'R'),
  'a call with a dict': pickle(rebuild, '}R'),
  'a persistent id in text': pickle('Pos.system\n'),
  'a persistent id of a string': pickle(text('storage'), 'Q'),
  'a persistent id of another kind': pickle(
    tuple(text('module'), system, text('0'), text('cpu'), int(6)),
    'Q',
  ),
  'a persistent id with a dtype for a type': pickle(storage({ type: 'float32', count: 6 })),
  'a persistent id with a string for a type': pickle(
    tuple(text('storage'), text('FloatStorage'), text('0'), text('cpu'), int(6)),
    'Q',
  ),
  'a persistent id of no count': pickle(
    tuple(text('storage'), global('torch', 'FloatStorage'), text('0'), text('cpu'), text('6')),
    'Q',
  ),
  'a persistent id of a negative count': pickle(storage({ count: -6 })),
  'a persistent id of 2^62 elements': pickle(storage({ count: 2 ** 62 })),
  'a persistent id of a list': pickle('](', text('storage'), 'eQ'),
  'a storage that climbs out': pickle(
    dict(['x', tensor(storage({ key: '../0', count: 6 }), [6], [1])]),
  ),
  'a storage by an absolute path': pickle(storage({ key: '/etc/passwd', count: 6 })),
  'a storage that is the pickle itself': pickle(storage({ key: '../data.pkl', count: 6 })),
  'a storage of another size': pickle(dict(['x', tensor(storage({ count: 5 }), [5], [1])])),
  'a storage of two types': pickle(
    dict(['x', x], ['y', storage({ type: 'IntStorage', count: 6 })]),
  ),
  'a storage of two sizes': pickle(
    dict(['x', x], ['y', storage({ type: 'DoubleStorage', count: 3 })]),
  ),
  'a negative offset': pickle(dict(['x', tensor(six, [1], [1], -1)])),
  'an offset at the end': pickle(dict(['x', tensor(six, [1], [1], 6)])),
  'an empty tensor beyond the end': pickle(dict(['x', tensor(six, [0], [1], 7)])),
  'an offset of 2^62': pickle(dict(['x', tensor(six, [1], [1], 2 ** 62)])),
  'a negative stride': pickle(dict(['x', tensor(six, [6], [-1], 5)])),
  'a stride past the end': pickle(dict(['x', tensor(six, [2], [6])])),
  'strides whose sum overflows': pickle(
    dict(['x', tensor(six, [2, 2], [2 ** 53 - 1, 2 ** 53 - 1])]),
  ),
  'a negative extent': pickle(dict(['x', tensor(six, [-1, -6], [1, 1])])),
  'an extent of 2^40 by stride 0': pickle(dict(['x', tensor(six, [2 ** 40], [0])])),
  'extents whose product overflows': pickle(dict(['x', tensor(six, [2 ** 40, 2 ** 40], [0, 0])])),
  'an empty tensor whose extents overflow': pickle(
    dict(['x', tensor(six, [0, 2 ** 52, 2 ** 52], [0, 0, 0])]),
  ),
  'fewer strides than extents': pickle(dict(['x', tensor(six, [2, 3], [1])])),
  'more strides than extents': pickle(dict(['x', tensor(six, [6], [1, 1])])),
  'rank 9': pickle(dict(['x', tensor(six, Array(9).fill(1), Array(9).fill(1))])),
  'a shape with a string': pickle(
    dict(['x', call(rebuild, six, int(0), tuple(text('6')), ints([1]), no, orderedDict)]),
  ),
  'a shape with a fraction': pickle(
    dict(['x', call(rebuild, six, int(0), tuple(join('G?\xf8\0\0\0\0\0\0')), ints([1]), no, none)]),
  ),
  'a shape with a boolean': pickle(
    dict(['x', call(rebuild, six, int(0), tuple(yes), ints([1]), no, none)]),
  ),
  'a tensor without a storage': pickle(
    dict(['x', call(rebuild, none, int(0), ints([1]), ints([1]), no, orderedDict)]),
  ),
  'a tensor with too few arguments': pickle(dict(['x', call(rebuild, six)])),
  'a parameter of no tensor': pickle(
    call(global('torch._utils', '_rebuild_parameter'), text('x'), no, none),
  ),
  'an ordered dict of numbers': pickle(call(global('collections', 'OrderedDict'), int(5))),
  'a pickle of nothing': Buffer.alloc(0),
  'a pickle that stops at once': Buffer.from('.'),
  'a pickle without a stop': pickle(dict(['x', x])).subarray(0, -1),
  'a pickle with more after it': join(good, pickle(call(system, text(command)))),
  'a pickle that leaves two values': pickle(none, dict(['x', x])),
  'a pickle with an open mark': pickle('(', dict(['x', x])),
  'a value taken from an empty stack': pickle('0'),
  'items below a mark': pickle(dict(), '(', 's'),
  'protocol 6': join('\x80\x06', '}.'),
  'an unknown opcode': pickle('\xff'),
  'a memo that was never noted': pickle('h\x05'),
  'a million and one memos': pickle('N', memos(1_000_001), '0}'),
  'more than ten million opcodes': pickle(Buffer.alloc(10_000_001, 'N0')),
  'more than a million containers': pickle(Buffer.alloc(2_000_004, ']0'), '}'),
  'a stack of more than a million': pickle('(', Buffer.alloc(1_000_001, 'N'), '1}'),
  'a name of a megabyte in a million places': pickle(
    dict(['k'.repeat(2 ** 20), join(x, 'q\x000](', 'h\x00'.repeat(1000), 'e')]),
  ),
  'nesting by marks': pickle('('.repeat(300)),
  'nesting by tuples': pickle(')', '\x85'.repeat(300)),
  'nesting by lists': pickle(']'.repeat(300), 'a'.repeat(299)),
  'nesting by dicts': pickle(
    ...Array.from({ length: 300 }, () => join('}', text('k'))),
    '}',
    's'.repeat(300),
  ),
  'a list in itself': pickle(dict(['l', join(']q\x00h\x00a')])),
  'a dict in itself': pickle('}q\x00', text('d'), 'h\x00s'),
  'two lists in each other': pickle(dict(['l', join(']q\x00]q\x01h\x00aa')])),
  'a billion laughs': pickle(
    ']q\x000',
    ...Array.from({ length: 60 }, () => '](h\x00h\x00eq\x000'),
    dict(['l', join('h\x00')]),
  ),
  'a string longer than the file': pickle('X', u32(2 ** 32 - 1), 'x'),
  'a string of 2^63 bytes': pickle('\x8d', u64(2n ** 63n), 'x'),
  'a string of negative length': pickle('T\xff\xff\xff\xff'),
  'strings of over 16 MiB': pickle(
    text('x'.repeat(9 * 2 ** 20)),
    '0',
    text('y'.repeat(9 * 2 ** 20)),
  ),
  'a string that is not UTF-8': pickle('X', u32(2), '\xc3\x28'),
  'an integer of 2^31 bytes': pickle('\x8b', u32(2 ** 31), 'x'),
  'an integer of a million digits': pickle(`I${'9'.repeat(1e6)}\n`),
  'an integer that is none': pickle('Iprocess.exit()\n'),
  bytes: pickle('C\x01x'),
  'a byte array': pickle('\x96', u64(1), 'x'),
  'a set': pickle('\x8f'),
  'a dict with a list for a key': pickle('}', ']', none, 's'),
  'a dict with a key twice': pickle('}(', text('a'), none, text('a'), x, 'u'),
  'a key without a value': pickle('}(', text('a'), 'u'),
  'items of a tuple': pickle(')', text('a'), none, 's'),
  'an append to a dict': pickle('}', none, 'a'),
  'a list for a root': pickle(list(x)),
  'a tensor for a root': pickle(x),
};

const refusal = (bytes: Uint8Array): StylearError => {
  try {
    readTorchFile(inMemory('evil.pth', bytes));
  } catch (error) {
    if (error instanceof StylearError) return error;
    throw error;
  }
  throw new Error('it was read');
};

const refuses = (bytes: Uint8Array) => {
  const error = refusal(bytes);
  expect(error.code).toBe('ERR_WEIGHTS');
  expect(error.message).toMatch(/^evil\.pth: expected .+ to be .+, got .+/);
  expect(error.message.length).toBeLessThan(500);
  expect(existsSync(marker)).toBe(false);
};

test('the good form of them all is read', () => {
  for (const bytes of [archive(good, { 0: floats(6) }), legacy(good, [['0', 6, floats(6)]])]) {
    expect(readTorchFile(inMemory('x', bytes)).tensors.size).toBe(1);
  }
});

describe('refuses in the zip form', () => {
  test.each(Object.entries(pickles))('%s', (_, data) => refuses(archive(data, { 0: floats(6) })));
});

describe('refuses in the older form', () => {
  test.each(Object.entries(pickles))('%s', (_, data) =>
    refuses(legacy(data, [['0', 6, floats(6)]])),
  );
});

describe('stops at the budget of', () => {
  test.each([
    ['nesting by marks', 'at most 256 deep'],
    ['nesting by tuples', 'data.pkl before byte 303 to be at most 256 deep'],
    ['nesting by lists', 'data.pkl before byte 602 to be at most 256 deep'],
    ['nesting by dicts', 'data.pkl before byte 2403 to be at most 256 deep'],
    ['a dict in itself', '256 deep, got more'],
    ['a billion laughs', 'the pickled object to be at most 1000000 values'],
    ['a million and one memos', 'at most 1000000 memos'],
    ['more than ten million opcodes', 'at most 10000000 opcodes'],
    ['more than a million containers', 'at most 1000000 containers'],
    ['a stack of more than a million', 'at most 1000000 values wide'],
    ['a name of a megabyte in a million places', 'a name to be at most 4096 characters'],
    ['strings of over 16 MiB', 'the strings of data.pkl to be at most 16777216 bytes'],
  ])('%s', (name, message) => {
    expect(refusal(archive(pickles[name]!, { 0: floats(6) })).message).toContain(message);
  });
});

test('refuses a hundred tensors of the same kilobytes, and takes two', () => {
  const large = storage({ count: 4096 });
  const names = Array.from({ length: 100 }, (_, i) => `x${i}`);
  const of = (names: readonly string[]) => {
    const named = names.map((name): [string, Buffer] => [name, tensor(large, [4096], [1])]);
    return archive(pickle(dict(...named)), { 0: floats(4096) });
  };
  const tied = readTorchFile(inMemory('tied.pth', of(names.slice(0, 2))));
  expect(tied.tensors.size).toBe(2);
  refuses(of(names));
  expect(refusal(of(names)).message).toContain(
    'the tensors to be of at most 8 times the bytes of the file, got 1638400 of ',
  );
});

const evil = pickle(call(system, text(command)));

describe('refuses in what surrounds the pickle of the older form', () => {
  const older: Record<string, Buffer> = {
    'a pickle for a magic number': legacy(good, [], { magic: evil }),
    'another magic number': legacy(good, [], { magic: pickle(int(5)) }),
    'a pickle for a version': legacy(good, [], { version: evil }),
    'another version': legacy(good, [], { version: pickle(int(1002)) }),
    'a pickle for the machine': legacy(good, [], { machine: evil }),
    'an ordered dict for the machine': legacy(good, [], { machine: pickle(orderedDict) }),
    'a storage in the machine': legacy(good, [], { machine: pickle(six) }),
    'a big-endian machine': legacy(good, [], { machine: pickle(dict(['little_endian', no])) }),
    'a storage that is not listed': legacy(good),
    'a storage that is listed twice': legacy(good, [
      ['0', 6, floats(6)],
      ['0', 6, floats(6)],
    ]),
    'a storage that nobody names': legacy(good, [['1', 6, floats(6)]]),
    'a storage with another count': legacy(good, [['0', 5, floats(6)]]),
    'a storage with a count beyond the file': legacy(good, [['0', 2 ** 52, floats(6)]]),
    'a storage that is cut off': legacy(good, [['0', 6, floats(5)]]),
    'bytes after the end': join(legacy(good, [['0', 6, floats(6)]]), 'x'),
    'a pickle after the end': join(legacy(good, [['0', 6, floats(6)]]), evil),
    'a pickle for the keys': join(
      legacy(good).subarray(0, -pickle(list()).length),
      evil,
      floats(8),
    ),
    'a bare pickle': evil,
    'a tar archive': join(Buffer.alloc(257), 'ustar', Buffer.alloc(762), evil),
    'an empty file': Buffer.alloc(0),
    'a script': Buffer.from('#!/bin/sh\ntouch x\n'),
  };
  test.each(Object.entries(older))('%s', (_, bytes) => refuses(bytes));
  test('a tar archive with what to do', () => {
    expect(refusal(older['a tar archive']!).message).toContain(
      'Load it with torch and save it again.',
    );
  });
});

describe('refuses zip archives with', () => {
  const content = { name: 'm/data/0', content: floats(6) };
  const data = { name: 'm/data.pkl', content: good };
  const parts = (change: Partial<ZipPart>, end?: ZipEnd) =>
    zip([{ ...data, ...change }, content], end);
  const whole = (end: ZipEnd) => zip([data, content], end);
  const odd = (name: string) => zip([data, content, { name, content: evil }]);
  const archives: Record<string, Buffer> = {
    'an encrypted entry': parts({ local: { flags: 0x801 }, central: { flags: 0x801 } }),
    'strong encryption': parts({ local: { flags: 0x841 }, central: { flags: 0x841 } }),
    'patched data': parts({ local: { flags: 0x820 }, central: { flags: 0x820 } }),
    'a masked header': parts({ local: { flags: 0x2800 }, central: { flags: 0x2800 } }),
    'other flags in the local header': parts({ local: { flags: 0 } }),
    'a deflated entry': parts({ local: { method: 8 }, central: { method: 8 } }),
    'deflation in the local header alone': parts({ local: { method: 8 } }),
    'deflation in the directory alone': parts({ central: { method: 8 } }),
    'another name in the local header': parts({ local: { name: 'm/evil.pkl' } }),
    'a longer name in the local header': parts({ local: { name: 'm/data.pklx' } }),
    'another size in the local header': parts({ local: { bytes: 5 } }),
    'another packed size in the local header': parts({ local: { packed: 5 } }),
    'another size in the directory': parts({ central: { bytes: 5 } }),
    'smaller sizes in the directory': parts({ central: { bytes: 5, packed: 5 } }),
    'larger sizes in both': parts({
      central: { bytes: 1e9, packed: 1e9 },
      local: { bytes: 1e9, packed: 1e9 },
    }),
    'another checksum in the local header': parts({ local: { crc: 1 } }),
    'another checksum after the content': parts({ descriptor: true, local: { crc: 1 } }),
    'other sizes after the content': parts({ descriptor: true, local: { bytes: 1 } }),
    'an entry on another disk': parts({ central: { disk: 1 } }),
    'a comment on an entry': parts({ central: { comment: 'x' } }),
    'an extra field that is cut off': parts({ central: { extra: join(u16(1)) } }),
    'an extra field that is too long': parts({ central: { extra: join(u16(2), u16(9), 'x') } }),
    'two zip64 fields': parts({ zip64: true, central: { extra: join(u16(1), u16(8), u64(0)) } }),
    'an idle zip64 field': parts({ central: { extra: join(u16(1), u16(8), u64(0)) } }),
    'a zip64 size of 2^63': parts({ zip64: true, central: { bytes: 2 ** 63, packed: 2 ** 63 } }),
    'a header elsewhere': parts({ central: { offset: 4 } }),
    'two entries on one header': zip([data, content, { ...content, central: { offset: 0 } }]),
    'an entry twice': zip([data, content, content]),
    'two pickles': zip([data, content, { ...data, content: evil }]),
    'two folders': odd('n/data.pkl'),
    'an entry outside of the folder': odd('other/file'),
    'no pickle': zip([content]),
    'a pickle too deep': zip([{ ...data, name: 'a/m/data.pkl' }, content]),
    'a name that climbs out': odd('m/../../etc/x'),
    'an absolute name': odd('/m/x'),
    'a name with a backslash': odd('m\\x'),
    'a name with a zero byte': odd('m/x\0.txt'),
    'a folder for an entry': odd('m/'),
    'an empty name': odd(''),
    'a name of dots': odd('m/./x'),
    'another count of entries': whole({ entries: 1 }),
    'more entries than there are': whole({ entries: 3 }),
    'another place of the directory': whole({ offset: 5 }),
    'another size of the directory': whole({ bytes: 5 }),
    'a directory of 4 GB': whole({ bytes: 0xfffffff0 }),
    'several disks': whole({ disk: 1 }),
    'a comment': whole({ comment: 'hello' }),
    'a comment that is another end': whole({ comment: zip([]).toString('latin1') }),
    'bytes before the first entry': whole({ before: Buffer.from('#!/bin/sh\n') }),
    'an entry that the directory hides': zip([
      data,
      { ...data, content: evil, hidden: true },
      content,
    ]),
    'bytes before the directory': whole({ gap: evil }),
    'bytes after the end': join(whole({}), 'x'),
    'an archive after the archive': join(whole({}), whole({})),
    'no end': whole({}).subarray(0, -22),
    'an end alone': zip([]),
    'a zip64 count that differs': whole({ zip64: true, entries: 1 }),
    'a zip64 place of 2^63': whole({ zip64: true, offset: 2 ** 63 }),
    'a big-endian archive': archive(good, { 0: floats(6) }, { byteorder: 'big' }),
    'a missing storage': archive(good),
    'a storage that is too short': archive(good, { 0: floats(5) }),
    'a storage that is too long': archive(good, { 0: floats(7) }),
  };
  test.each(Object.entries(archives))('%s', (_, bytes) => refuses(bytes));
});
