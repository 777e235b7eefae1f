import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { inMemory } from '../../lib/weights/byte_source.ts';
import type { Json } from '../../lib/weights/strict_json.ts';
import { parseYamlObject } from '../../lib/weights/strict_yaml.ts';
import { processorMs } from '../support/processor_ms.ts';

const read = (text: string | Uint8Array) => {
  const bytes = typeof text === 'string' ? new TextEncoder().encode(text) : text;
  return parseYamlObject(inMemory('x.yaml', bytes), 'the config', 0, bytes.length);
};

const plain = (value: Json): unknown => {
  if (value instanceof Map) return Object.fromEntries([...value].map(([k, v]) => [k, plain(v)]));
  return Array.isArray(value) ? value.map(plain) : value;
};

const everything = `---
# What follows is a config.
model:
  rate: 4.5e-06
  target: taming.models.vqgan.VQModel   # a comment
  "quoted key": "a # and \\u00e9"
  single: 'it''s: here'
  none:
  nulled: null
  on_or_off: true
  negative: -3
  path: ~/x/y-1.0
  levels:
  - 1
  - 2.5
  nested:
    - a: 1
      b: 2
    - - 3
      - 4
    -
      c: 5
  list: [1, two, 3.5]
  empty: []
  nothing: {}
last: https://x/y
`;

describe('parseYamlObject', () => {
  test('reads blocks, lists and scalars', () => {
    const expected = {
      model: {
        rate: 4.5e-6,
        target: 'taming.models.vqgan.VQModel',
        'quoted key': 'a # and \u00e9',
        single: "it's: here",
        none: null,
        nulled: null,
        on_or_off: true,
        negative: -3,
        path: '~/x/y-1.0',
        levels: [1, 2.5],
        nested: [{ a: 1, b: 2 }, [3, 4], { c: 5 }],
        list: [1, 'two', 3.5],
        empty: [],
        nothing: {},
      },
      last: 'https://x/y',
    };
    expect(plain(read(everything))).toEqual(expected);
    expect(plain(read(everything.replaceAll('\n', '\r\n')))).toEqual(expected);
  });

  test('passes over what is below other keys than the one that is wanted', () => {
    const trainer = `  gpus: 0,1,
    callbacks: {image_logger: {target: main.ImageLogger}}
    when: 2022-02-09 03:12:44
    model: *x
    names: ['a', [b, 'c']]
    text: >-
      model: 1
`;
    const text = `lightning:\n  trainer:\n  ${trainer}model:\n  a: 1\nlist:\n- &x yes\nlast: 0x10\n`;
    const bytes = new TextEncoder().encode(text);
    const source = inMemory('x.yaml', bytes);
    const only = (key: string) =>
      plain(parseYamlObject(source, 'the config', 0, bytes.length, { only: key }));
    expect(only('model')).toEqual({ lightning: null, model: { a: 1 }, list: null, last: null });
    expect(() => only('last')).toThrow('line 14 of the config to be of plain values');
    expect(() => read(text)).toThrow('of plain values');
    const twice = new TextEncoder().encode('model: 1\nmodel: 2');
    expect(() =>
      parseYamlObject(inMemory('x.yaml', twice), 'it', 0, twice.length, { only: 'model' }),
    ).toThrow('a key that was not there yet');
  });

  test.each([
    ['an anchor', 'a: &x 1', 'line 1 of the config to be of plain values, got "a: &x 1"'],
    ['an alias', 'a: *x', 'of plain values'],
    ['a tag', 'a: !!python/object/apply:os.system ["ls"]', 'of plain values'],
    ['a tag on the document', '!!map\na: 1', 'line 1 of the config to be `key: value`'],
    ['a merge key', '<<: 1', '`key: value`'],
    ['a complex key', '? a\n: 1', '`key: value`'],
    ['a directive', '%YAML 1.2\n---\na: 1', '`key: value`'],
    ['a second document', 'a: 1\n---\nb: 2', 'line 2 of the config to be `key: value`, got "---"'],
    ['folded text', 'a: >\n  b', 'of plain values'],
    ['literal text', 'a: |\n  b', 'of plain values'],
    ['text over two lines', 'a: b\n  c', 'line 2 of the config to be indented as the lines before'],
    ['a quote over two lines', 'a: "b\n  c"', 'quotes in pairs'],
    ['a quote left open', "a: 'b", 'quotes in pairs'],
    ['something after a quote', 'a: "b" c', 'quotes in pairs'],
    ['a mapping in braces', 'a: {b: 1}', 'of plain values'],
    ['a list in a list', 'a: [[1]]', 'a list of plain values'],
    ['a list left open', 'a: [1', 'a list of plain values'],
    ['an empty place in a list', 'a: [1,,2]', 'of plain values'],
    ['a key twice', 'a: 1\na: 2', 'line 2 of the config to be a key that was not there yet'],
    ['a key twice by quotes', 'a: 1\n"a": 2', 'a key that was not there yet'],
    ['a tab', 'a:\n\tb: 1', 'line 2 of the config to be printable, and indented by spaces'],
    ['a control character', 'a: \u0001', 'printable'],
    ['a byte order mark', '\ufeffa: 1', 'printable'],
    [
      'another indent',
      'a:\n    b: 1\n  c: 2',
      'line 3 of the config to be indented as the lines before',
    ],
    ['a deeper line under a value', 'a: 1\n  b: 2', 'line 2 of the config to be indented'],
    [
      'a word between mappings',
      'a:\n  b: 1\nc',
      'line 3 of the config to be `key: value`, got "c"',
    ],
    ['no mapping', '- 1', 'the config to be a mapping of keys to values'],
    ['nothing', '', 'the config to be a mapping of keys to values'],
    ['comments alone', '# a: 1', 'the config to be a mapping of keys to values'],
    ['a mapping in a mapping on one line', 'a: b: 1', 'of plain values'],
    [
      'deep nesting',
      Array.from({ length: 40 }, (_, i) => `${' '.repeat(i)}a:`).join('\n'),
      'at most 32 deep',
    ],
    ['deep items', `a: 1\nb:\n ${'- '.repeat(40)}1`, 'at most 32 deep'],
    ['over a megabyte', `a: ${'b'.repeat(2 ** 20)}`, 'at most 1048576 bytes'],
  ])('refuses %s', (_, text, message) => {
    expect(() => read(text)).toThrow(/^x\.yaml: expected /);
    expect(() => read(text)).toThrow(message);
  });

  test.each([
    'yes',
    'No',
    'on',
    'OFF',
    'y',
    '0x10',
    '0o7',
    '010',
    '1_000',
    '12:30',
    '.inf',
    '-.inf',
    '.nan',
    '<<',
    '-',
  ])('refuses %s, which versions of YAML read differently', (word) =>
    expect(() => read(`a: ${word}`)).toThrow('of plain values'),
  );

  test('refuses what is not UTF-8', () => {
    expect(() => read(Uint8Array.of(0x61, 0x3a, 0x20, 0xff))).toThrow('the config to be UTF-8');
  });

  test.each([
    ['underscores', `a: 1${'_'.repeat(2 ** 20 - 100)}x`],
    ['colons', `a: ${':'.repeat(2 ** 20 - 100)}`],
    ['quotes', `a: ${"'".repeat(2 ** 20 - 101)}x`],
    ['spaces', `a${' '.repeat(2 ** 20 - 100)}b`],
    ['brackets', `a: ${'['.repeat(2 ** 20 - 100)}`],
    ['empty lines', `${'\n'.repeat(2 ** 20 - 100)}a`],
    ['keys', Array.from({ length: 90_000 }, (_, i) => `k${i}: 1`).join('\n')],
  ])('takes a megabyte of %s within a second', (_, text) => {
    const begin = processorMs();
    try {
      read(text);
    } catch {}
    expect(processorMs() - begin).toBeLessThan(1000);
  });

  test('reads what is written in blocks', () => {
    const word = fc
      .stringMatching(/^[a-z][a-z_]{2,8}$/)
      .filter((word) => !/^(yes|off|null|true|false)$/.test(word));
    const scalar = fc.oneof(
      word,
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
    );
    const { tree } = fc.letrec((tie) => ({
      tree: fc.dictionary(
        word,
        fc.oneof({ depthSize: 'small' }, scalar, fc.array(scalar), tie('tree')),
        { maxKeys: 4 },
      ),
    }));
    const written = (value: unknown, indent: string): string => {
      if (Array.isArray(value)) {
        return value.length ? value.map((item) => `\n${indent}- ${item}`).join('') : ' []';
      }
      if (typeof value !== 'object' || value === null) return ` ${value}`;
      const entries = Object.entries(value);
      if (entries.length === 0) return ' {}';
      return entries
        .map(([key, item]) => `\n${indent}${key}:${written(item, `${indent}  `)}`)
        .join('');
    };
    const property = fc.property(tree as fc.Arbitrary<Record<string, unknown>>, (value) => {
      fc.pre(Object.keys(value).length > 0);
      expect(plain(read(written(value, '')))).toEqual(value);
    });
    fc.assert(property, { numRuns: 300, seed: 1 });
  });
});
