import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { readRequestsFile } from '../../../lib/generate/batch/requests_file.ts';
import { pictureName } from '../../../lib/generate/batch/row.ts';

const folder = mkdtempSync(join(tmpdir(), 'stylear-requests-'));
afterAll(() => rmSync(folder, { recursive: true }));

function read(name: string, text: string) {
  const path = join(folder, name);
  writeFileSync(path, text);
  return readRequestsFile(path);
}

describe('a file of requests', () => {
  const all = {
    ...{ id: 'x.1', prompt: 'a "ship", <racm3:break>', style: 'a.png', subject: 'b.png' },
    ...{ condition: '/c.png', seed: 3, count: 2, size: '64x32', guidance: 2.5, top_k: 7 },
    ...{ top_p: 0.5, min_p: 0.1, temperature: 0, noise: 0.2, style_strength: 0.9, priority: -1 },
  };
  const expected = {
    ...{ id: 'x.1', seed: 3, count: 2, priority: -1 },
    style: [{ picture: join(folder, 'a.png'), subject: join(folder, 'b.png'), weight: undefined }],
    request: {
      ...{ prompt: 'a "ship", <racm3:break>', condition: '/c.png', guidance: 2.5, imageTopK: 7 },
      ...{ size: { width: 64, height: 32 }, topP: 0.5, minP: 0.1, temperature: 0 },
      ...{ noiseStrength: 0.2, styleStrength: 0.9, priority: -1 },
    },
  };

  test('says the same as lines of JSON and as a table', () => {
    const [json] = read('a.jsonl', `\n${JSON.stringify(all)}\n`);
    const quoted = Object.values(all).map((value) => `"${`${value}`.replaceAll('"', '""')}"`);
    const [csv] = read('a.csv', `${Object.keys(all)}\n${quoted}\n`);
    expect(json).toMatchObject({ ...expected, line: 2 });
    expect(csv).toEqual(json);
  });

  test('gives a row without id and seed those of its line, the same each time', () => {
    const rows = read('b.jsonl', '{"prompt":"a"}\n\n{"prompt":"a"}\n');
    expect(rows.map(({ id, line }) => [id, line])).toEqual([
      ['1', 1],
      ['3', 3],
    ]);
    expect(rows[0]!.seed).not.toBe(rows[1]!.seed);
    expect(read('c.jsonl', '{"prompt":"b"}')[0]!.seed).toBe(rows[0]!.seed);
    expect(Number.isInteger(rows[0]!.seed)).toBe(true);
  });

  test('leaves out what is empty in a table', () => {
    const [row] = read('d.csv', 'prompt,seed,style\na,,\n');
    expect(row!.fields).toEqual({ prompt: 'a' });
  });

  test('mixes styles by weight', () => {
    const [row] = read('e.jsonl', '{"prompt":"a","mix":"a.png:0.7,b:c.style"}');
    expect(row!.style).toEqual([
      { picture: join(folder, 'a.png'), subject: undefined, weight: 0.7 },
      { picture: join(folder, 'b:c.style'), subject: undefined, weight: 1 },
    ]);
  });

  test('names files by ids and places', () => {
    const [row] = read('f.jsonl', '{"prompt":"a","id":"b","count":12}');
    expect(pictureName(row!, 0)).toBe('b-01');
    expect(pictureName(row!, 11)).toBe('b-12');
  });

  test.each([
    ['x.txt', '', 'x.txt: expected its end to be .jsonl or .csv, got .txt'],
    ['x.jsonl', '\n', 'x.jsonl: expected at least one request, got none'],
    ['x.jsonl', '{"prompt":"a"}\n{"prompt"', 'x.jsonl:2: expected the line to be JSON, got '],
    ['x.jsonl', '[]', 'x.jsonl:1: expected the row to be an object, got []'],
    ['x.jsonl', 'null', 'x.jsonl:1: expected the row to be an object, got null'],
    ['x.jsonl', '{}', 'x.jsonl:1: expected prompt to be a string, got none'],
    [
      'x.jsonl',
      '{"prompt":"a","promt":1}',
      'x.jsonl:1: expected its fields to be among id, prompt, style, subject, mix, condition, size, seed, count, priority, guidance, top_k, top_p, min_p, temperature, noise, style_strength, got "promt"',
    ],
    [
      'x.jsonl',
      '{"prompt":"a","top_k":"5"}',
      'x.jsonl:1: expected top_k to be a whole number from 0 to 4194304, got "5"',
    ],
    [
      'x.jsonl',
      '{"prompt":"a","seed":-1}',
      'x.jsonl:1: expected seed to be a whole number from 0 to 9007199254740991, got -1',
    ],
    ['x.jsonl', '{"prompt":"a","id":"../a"}', 'x.jsonl:1: expected id to be 1 to 80 letters'],
    ['x.jsonl', '{"prompt":"a","id":""}', 'x.jsonl:1: expected id to be 1 to 80 letters'],
    [
      'x.jsonl',
      '{"prompt":"a","size":"64"}',
      'x.jsonl:1: expected size to be WIDTHxHEIGHT, such as 768x768, got "64"',
    ],
    [
      'x.jsonl',
      '{"prompt":"a","subject":"b.png"}',
      'x.jsonl:1: expected style beside subject, got none',
    ],
    [
      'x.jsonl',
      '{"prompt":"a","style":"a","mix":"b"}',
      'x.jsonl:1: expected one of style and mix, got both',
    ],
    [
      'x.jsonl',
      '{"prompt":"a","mix":"a:0.5,:1"}',
      'x.jsonl:1: expected mix to be as a.png:0.7,b.png:0.3, got "a:0.5,:1"',
    ],
    [
      'x.jsonl',
      '{"prompt":"a","id":"b"}\n{"prompt":"a","id":"b"}',
      'x.jsonl:2: expected an id whose files no other row has, got b, as in line 1',
    ],
    [
      'x.jsonl',
      '{"prompt":"a","id":"b-1"}\n{"prompt":"a","id":"b","count":2}',
      'x.jsonl:2: expected an id whose files no other row has, got b, as in line 1',
    ],
    ['x.csv', 'prompt,size,color\na,b,c', 'x.csv:1: expected its columns to be among id, prompt'],
    ['x.csv', 'prompt,prompt\na,b', 'x.csv:1: expected one column prompt, got two'],
    ['x.csv', 'prompt,seed\n"a\nb",1\nc', 'x.csv:4: expected 2 fields, got 1'],
    [
      'x.csv',
      'prompt,seed\na,0x10',
      'x.csv:2: expected seed to be a whole number from 0 to 9007199254740991, got "0x10"',
    ],
    [
      'x.csv',
      'prompt,guidance\na,NaN',
      'x.csv:2: expected guidance to be a number from 1 to 1000, got "NaN"',
    ],
  ])('%s of %j is refused', (name, text, message) => {
    expect(() => read(name, text)).toThrow(message);
  });

  test('that is no text, or not there, is refused', () => {
    const path = join(folder, 'bytes.csv');
    writeFileSync(path, Uint8Array.of(0xff, 0xfe, 0));
    expect(() => readRequestsFile(path)).toThrow('bytes.csv: expected a readable file of UTF-8');
    expect(() => readRequestsFile(join(folder, 'none.csv'))).toThrow(
      'none.csv: expected a readable',
    );
  });
});
