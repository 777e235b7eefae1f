import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { StylearError } from '../../lib/error.ts';
import { Shards } from '../../lib/shards/shards.ts';
import { tarEnd, tarEntry } from '../../lib/shards/tar.ts';
import { tarMembers } from '../../lib/shards/tar_reader.ts';
import {
  decodeSample,
  encodeSample,
  type TrainingSample,
} from '../../lib/shards/training_sample.ts';
import { writeSampleShards } from '../../lib/shards/write_shards.ts';
import { inMemory } from '../../lib/weights/byte_source.ts';
import { readTar } from '../support/read_tar.ts';

const root = mkdtempSync(join(tmpdir(), 'stylear-shards-'));
afterAll(() => rmSync(root, { recursive: true }));
let stem = '';
let stems = 0;
beforeEach(() => {
  stem = join(root, `s${stems++}`);
});

const sample = (i: number): TrainingSample => ({
  key: `${i}`.padStart(6, '0'),
  caption: `a ship, number ${i}: ü`,
  picture: { format: 'png', bytes: Buffer.alloc(300 * (i + 1), i) },
  tokens: Int32Array.of(8197, i, -1),
  chosen: undefined,
  rejected: undefined,
  style: i % 2 ? { family: 'woodcut', weight: 0.5 } : undefined,
});
const five = [0, 1, 2, 3, 4].map(sample);
const written = (options?: object) => writeSampleShards(stem, five.map(encodeSample), options);
const all = (shards: Shards) =>
  Array.from({ length: shards.length }, (_, i) => decodeSample(shards.at(i)));

describe('shards', () => {
  test('take the place of more that were there, and of no others', async () => {
    await written({ shardBytes: 10_000 });
    const others = [`${stem}-more-00007.tar`, `${stem}-7.tar`, `${stem}-00007.tar.gz`];
    for (const other of others) writeFileSync(other, 'x');
    await written();
    const left = readdirSync(root).filter((name) => name.startsWith(basename(stem)));
    expect(left.sort()).toEqual(
      [`${stem}-00000.tar`, `${stem}.index.json`, ...others].map((path) => basename(path)).sort(),
    );
  });

  test('give back the samples that were written, by their index', async () => {
    await written({ shardBytes: 10_000 });
    expect(
      readdirSync(root)
        .filter((name) => name.startsWith(`s${stems - 1}`))
        .sort(),
    ).toEqual([
      `s${stems - 1}-00000.tar`,
      `s${stems - 1}-00001.tar`,
      `s${stems - 1}-00002.tar`,
      `s${stems - 1}.index.json`,
    ]);
    using shards = Shards.open([`${stem}.index.json`]);
    expect(all(shards)).toEqual(five);
    expect(shards.keyOf(3)).toBe('000003');
    expect(['png', 'ids', 'none'].map((name) => shards.bytesOf(3, name))).toEqual([1200, 12, 0]);
    expect(decodeSample(shards.at(4))).toEqual(five[4]);
  });

  test('give back the same without an index', async () => {
    const { shards: parts } = await written({ shardBytes: 10_000 });
    using shards = Shards.open(parts.map(({ file }) => join(root, file)));
    expect(all(shards)).toEqual(five);
  });

  test('are archives that others read too, none larger than is told', async () => {
    const { shards: parts } = await written({ shardBytes: 10_000 });
    for (const { file, bytes } of parts) {
      expect(bytes).toBeLessThanOrEqual(10_000);
      expect(readFileSync(join(root, file))).toHaveLength(bytes);
      expect(readTar(join(root, file)).size).toBeGreaterThanOrEqual(3);
    }
  });

  test('are the same bytes for the same samples', async () => {
    await written();
    const first = readFileSync(`${stem}-00000.tar`);
    await written();
    expect(readFileSync(`${stem}-00000.tar`).equals(first)).toBe(true);
  });

  test('have no index while they are not whole', async () => {
    await written();
    const failing = async function* () {
      yield* [sample(0), sample(1)].map(encodeSample);
      expect(existsSync(`${stem}-00000.tar`)).toBe(true);
      throw new Error('no more');
    };
    await expect(writeSampleShards(stem, failing(), { shardBytes: 1 })).rejects.toThrow('no more');
    expect(existsSync(`${stem}.index.json`)).toBe(false);
  });

  test('stay whole until the first that takes the place of one is', async () => {
    await written();
    const failing = async function* () {
      yield encodeSample(sample(7));
      throw new Error('no more');
    };
    await expect(writeSampleShards(stem, failing())).rejects.toThrow('no more');
    using shards = Shards.open([`${stem}.index.json`]);
    expect(all(shards)).toEqual(five);
  });

  test('make their folder, and remove what a killed run had begun', async () => {
    stem = join(stem, 'a', 'raw');
    await written();
    const uuid = '01234567-89ab-cdef-0123-456789abcdef';
    const begun = ['raw-00001.tar', 'raw.index.json'].map((name) => `${name}.${uuid}.tmp`);
    const ofOthers = ['raw-more-00001.tar', 'raw.txt'].map((name) => `${name}.${uuid}.tmp`);
    for (const name of [...begun, ...ofOthers]) writeFileSync(join(stem, '..', name), '');
    await written();
    expect(readdirSync(join(stem, '..')).sort()).toEqual(
      ['raw-00000.tar', 'raw.index.json', ...ofOthers].sort(),
    );
    writeFileSync(`${stem}-file`, '');
    await expect(writeSampleShards(join(`${stem}-file`, 'x'), [])).rejects.toMatchObject({
      code: 'ERR_INPUT',
      message: expect.stringContaining(`${stem}-file: expected the folder to be writable, got`),
    });
  });

  test.each([
    ['a/b', 'png', 'a/b.png'],
    ['a.b', 'png', 'a.b.png'],
    ['', 'png', '.png'],
    ['a', '', 'a.'],
    ['a'.repeat(97), 'png', `${'a'.repeat(97)}.png`],
  ])('are not written for the key %s and the extension %s', async (key, extension, name) => {
    const one = { key, files: new Map([[extension, Buffer.of(1)]]) };
    await expect(writeSampleShards(stem, [one])).rejects.toThrow(
      `${stem}-00000.tar: expected the name of a file to be letters, digits, - and _, a dot and an ` +
        `extension, 100 at most, got "${name}"`,
    );
  });

  test('are not written with a key twice', async () => {
    await expect(writeSampleShards(stem, [sample(1), sample(1)].map(encodeSample))).rejects.toThrow(
      'expected keys to be different, got 000001 twice',
    );
  });

  describe('are refused when', () => {
    test('an archive is not as long as its index says', async () => {
      await written();
      const file = `${stem}-00000.tar`;
      const bytes = readFileSync(file);
      writeFileSync(file, Buffer.concat([bytes, tarEnd]));
      expect(() => Shards.open([`${stem}.index.json`])).toThrow(
        `${file}: expected the archive to be ${bytes.length} bytes, got ${bytes.length + 1024}. ` +
          'Write the index anew.',
      );
    });

    test('another file stands where the index says', async () => {
      await written();
      const path = `${stem}.index.json`;
      const index = JSON.parse(readFileSync(path, 'utf8'));
      index.shards[0].samples[1][0] = 'other';
      writeFileSync(path, JSON.stringify(index));
      using shards = Shards.open([path]);
      expect(() => shards.at(1)).toThrow(/expected what is at \d+ to be other\.txt of \d+ bytes/);
    });

    test.each([
      ['{', 'expected the index to be JSON'],
      ['{}', 'expected format to be that of shards, got nothing'],
      ['{"format":"tar"}', 'expected format to be that of shards, got "tar"'],
      ['[1]', 'expected the index to be that of shards, got [1]'],
      [
        '{"format":"stylear-shards","version":1,"shards":[{"file":"../x.tar","bytes":0,"samples":[]}]}',
        'expected shards.0.file to be that of shards, got "../x.tar"',
      ],
    ])('the index is %s', (text, message) => {
      writeFileSync(`${stem}.index.json`, text);
      expect(() => Shards.open([`${stem}.index.json`])).toThrow(message);
    });

    test.each<[string, Buffer, string]>([
      [
        'a name leaves the archive',
        tarEntry('../x.txt', Buffer.of(1)),
        'a path within the archive',
      ],
      ['a name is absolute', tarEntry('/x.txt', Buffer.of(1)), 'a path within the archive'],
      ['a name has no extension', tarEntry('x', Buffer.of(1)), 'a key, a dot and an extension'],
      ['a link is in it', changed((h) => h.write('2', 156)), 'a file or a folder, got type 2'],
      ['a size is not octal', changed((h) => h.write('9', 124)), 'octal digits, got "90000000001"'],
      ['a size is beyond its end', changed((h) => h.write('7', 127)), 'bytes of the archive'],
      ['a sum is wrong', changed((h) => h.write('1', 100), false), 'expected the sum of'],
      ['it is older than ustar', changed((h) => h.fill(0, 257, 263)), 'that of ustar, got another'],
      [
        'a file is there twice',
        Buffer.concat([1, 2].map(() => tarEntry('a.txt', Buffer.of(1)))),
        'expected a.txt to be there once',
      ],
      [
        'a sample is in two places',
        Buffer.concat(['a.txt', 'b.txt', 'a.png'].map((name) => tarEntry(name, Buffer.of(1)))),
        'expected the files of a to be side by side',
      ],
    ])('%s', (_, entries, message) => {
      writeFileSync(`${stem}.tar`, Buffer.concat([entries, tarEnd]));
      expect(() => Shards.open([`${stem}.tar`])).toThrow(message);
    });

    test('an archive is cut anywhere', async () => {
      await written();
      const bytes = readFileSync(`${stem}-00000.tar`);
      for (let length = 0; length < bytes.length; length += 97)
        expect(() => tarMembers(inMemory('x.tar', bytes.subarray(0, length)))).toThrow('x.tar: ');
    });

    test('a sample has no caption, or files that are not what they are called', () => {
      const of = (files: object) => ({
        key: 'k',
        files: new Map(Object.entries(files).map(([name, text]) => [name, Buffer.from(text)])),
      });
      expect(() => decodeSample(of({}))).toThrow('k: expected the sample to be with a caption');
      expect(() => decodeSample(of({ txt: '', ids: '12345' }))).toThrow('integers of 4 bytes');
      expect(() => decodeSample(of({ txt: '', json: '{' }))).toThrow(
        'expected its json to be JSON',
      );
      const bad = { key: 'k', files: new Map([['txt', Buffer.of(0xff)]]) };
      expect(() => decodeSample(bad)).toThrow('expected its txt to be UTF-8');
    });
  });

  test('take extensions in either case, and jpeg for jpg', () => {
    const entries = ['a.JPEG', 'a.Txt', 'b.PNG', 'b.txt'].map((name) =>
      tarEntry(name, Buffer.from('x')),
    );
    writeFileSync(`${stem}.tar`, Buffer.concat([...entries, tarEnd]));
    using shards = Shards.open([`${stem}.tar`]);
    expect(all(shards).map(({ picture }) => picture?.format)).toEqual(['jpeg', 'png']);
    expect(shards.bytesOf(1, 'png')).toBe(1);
    const twice = ['a.png', 'a.PNG'].map((name) => tarEntry(name, Buffer.of(1)));
    writeFileSync(`${stem}.tar`, Buffer.concat([...twice, tarEnd]));
    expect(() => Shards.open([`${stem}.tar`])).toThrow(
      `${stem}.tar: expected a.PNG to be the only file of its kind, got a.png too`,
    );
  });

  test('give captions without white space around them', async () => {
    await writeSampleShards(stem, [encodeSample({ key: 'a', caption: '\ufeff a cat\r\n' })]);
    using shards = Shards.open([`${stem}.index.json`]);
    expect(all(shards)[0]!.caption).toBe('a cat');
  });

  test('pass over folders, and names may begin with ./', () => {
    const folder = tarEntry('./', Buffer.of());
    folder.write('5', 156);
    const entries = [resummed(folder), tarEntry('./a.txt', Buffer.from('x'))];
    writeFileSync(`${stem}.tar`, Buffer.concat([...entries, tarEnd]));
    using shards = Shards.open([`${stem}.tar`]);
    expect([shards.length, decodeSample(shards.at(0)).caption]).toEqual([1, 'x']);
  });

  test('damaged anywhere are read or refused, and nothing else happens', () => {
    const whole = Buffer.concat([
      ...['a.txt', 'a.png', 'b.txt'].map((name) => tarEntry(name, Buffer.alloc(700, 7))),
      tarEnd,
    ]);
    const damage = fc.tuple(fc.nat(whole.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(damage, { minLength: 1, maxLength: 8 }), (changes) => {
        const bytes = Buffer.from(whole);
        for (const [at, byte] of changes) bytes[at] = byte;
        try {
          for (const { offset, bytes: size } of tarMembers(inMemory('x', bytes)))
            expect(offset + size).toBeLessThanOrEqual(bytes.length);
        } catch (error) {
          if (!(error instanceof StylearError)) throw error;
          expect(error.code).toBe('ERR_INPUT');
        }
      }),
      { numRuns: 2000, seed: 1 },
    );
  });
});

/** A file whose header is changed, and summed again unless told. */
function changed(change: (header: Buffer) => void, sum = true): Buffer {
  const entry = tarEntry('a.txt', Buffer.of(1));
  change(entry.subarray(0, 512));
  return sum ? resummed(entry) : entry;
}

function resummed(entry: Buffer): Buffer {
  entry.fill(' ', 148, 156);
  const sum = entry.subarray(0, 512).reduce((a, b) => a + b, 0);
  entry.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return entry;
}
