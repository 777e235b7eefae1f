import { describe, expect, test } from 'vitest';
import { tarEnd, tarEntry } from '../../lib/shards/tar.ts';
import { readMember, type TarMember, tarMembers } from '../../lib/shards/tar_reader.ts';
import { inMemory } from '../../lib/weights/byte_source.ts';
import { expectRefusal } from '../support/op_case.ts';
import { ofType, pax, record, time, withHeader } from './tar_files.ts';

const archive = (...entries: readonly Buffer[]) =>
  inMemory('x.tar', Buffer.concat([...entries, tarEnd]));
const file = (name: string, text = 'a cat') => tarEntry(name, Buffer.from(text));
const read = (...entries: readonly Buffer[]) => {
  const source = archive(...entries);
  return tarMembers(source).map((member) => [member.name, `${readMember(source, member)}`]);
};
const long = `d/${'x'.repeat(120)}.txt`;

describe('an archive of tar', () => {
  test('may have times, owners and comments of pax, which change nothing', () => {
    const about = [
      ...[time, record('atime', '1'), record('uid', '4294967296'), record('uname', 'ü')],
      record('SCHILY.xattr.user.x', Buffer.of(0xff, 0x0a, 0x3d)),
      record('LIBARCHIVE.creationtime', '1'),
    ];
    const whole = ofType('g', 'pax_global_header', record('comment', '0123abcd'));
    expect(read(whole, pax(...about), file('a.txt'), pax(time), file('b.txt', 'b'))).toEqual([
      ['a.txt', 'a cat'],
      ['b.txt', 'b'],
    ]);
  });

  test.each([
    ['pax', pax(record('path', long), time)],
    ['GNU', ofType('L', '././@LongLink', `${long}\0`)],
  ])('may have the long names of %s, for the file behind them alone', (_, header) => {
    const cut = file(long.slice(0, 100));
    const members = read(header, cut, file('b.txt'));
    expect(members.map(([name]) => name)).toEqual([long, 'b.txt']);
    const [member] = tarMembers(archive(header, cut)) as [TarMember];
    const other = archive(header, file('other.txt'));
    expect(() => readMember(other, member)).toThrow('got other.txt of 5. Write the index anew.');
  });

  test('may have sizes of pax, as those are that octal digits have no place for', () => {
    const without = withHeader(file('a.txt'), (header) => header.write('00000000000', 124));
    expect(read(pax(record('size', '5')), without, file('b.txt'))).toEqual([
      ['a.txt', 'a cat'],
      ['b.txt', 'a cat'],
    ]);
  });

  test.each<[string, readonly Buffer[], string]>([
    ['a link of pax', [pax(record('linkpath', 'b')), file('a.txt')], 'got "linkpath"'],
    ['a sparse file', [pax(record('GNU.sparse.major', '1')), file('a.txt')], '"GNU.sparse.major"'],
    ['other letters', [pax(record('hdrcharset', 'BINARY')), file('a.txt')], '"hdrcharset"'],
    ['two paths', [pax(record('path', 'b.txt'), record('path', 'c.txt'))], 'got "path"'],
    ['a path of all', [ofType('g', 'g', record('path', 'b.txt')), file('a.txt')], 'got "path"'],
    ['two headers of a file', [pax(time), pax(time), file('a.txt')], 'one header of a file'],
    ['a header of no file', [pax(time)], 'to be the file of a header, got zeros'],
    ['a size in words', [pax(record('size', 'ten')), file('a.txt')], 'decimal digits, got "ten"'],
    ['a size beyond its end', [pax(record('size', '9999')), file('a.txt')], 'bytes of the archive'],
    ['a path that leaves it', [pax(record('path', '../a.txt')), file('a.txt')], 'got "../a.txt"'],
    ['a path that ends early', [pax(record('path', 'a\0b.txt')), file('a.txt')], 'a path within'],
    ['a path of other bytes', [pax(record('path', Buffer.of(0xff))), file('a.txt')], 'UTF-8'],
    ['half a record', [ofType('x', 'x', '30 mtime=1\n'), file('a.txt')], 'to be records of pax'],
    ['no record', [ofType('x', 'x', 'mtime=1\n'), file('a.txt')], 'something else 0 bytes on'],
    ['a record of no key', [ofType('x', 'x', '5 =1\n'), file('a.txt')], 'to be records of pax'],
    ['a link of GNU', [ofType('K', 'x', 'b\0'), file('a.txt')], 'a file or a folder, got type K'],
  ])('is refused with %s', (_, entries, message) => {
    expect(() => tarMembers(archive(...entries))).toThrow(message);
  });

  test('is refused with a header larger than any has to be', () => {
    expectRefusal(
      () => tarMembers(archive(pax(record('comment', 'x'.repeat(2 ** 16))), file('a.txt'))),
      'ERR_INPUT',
      'x.tar: expected the header at 0 to be of at most 65536 bytes, got 65551',
    );
  });

  test('that is packed is named', () => {
    expectRefusal(
      () => tarMembers(inMemory('x.tar.gz', Buffer.from('1f8b0800', 'hex'))),
      'ERR_INPUT',
      'x.tar.gz: expected the archive to be a tar, got gzip. Unpack it with gunzip.',
    );
  });
});
