import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseCsv } from '../../../lib/generate/batch/csv.ts';

const fieldsOf = (text: string) => parseCsv(text, 'a.csv').map(({ fields }) => fields);

describe('parseCsv', () => {
  test.each([
    [
      'a,b\n1,2\n',
      [
        ['a', 'b'],
        ['1', '2'],
      ],
    ],
    [
      'a,b\r\n1,2',
      [
        ['a', 'b'],
        ['1', '2'],
      ],
    ],
    ['"a,b","c ""d""",\n', [['a,b', 'c "d"', '']]],
    [
      '"two\nlines",x\n\n\ny,z',
      [
        ['two\nlines', 'x'],
        ['y', 'z'],
      ],
    ],
    ['""\n', [['']]],
    ['', []],
    ['a,', [['a', '']]],
  ])('%j', (text, records) => {
    expect(fieldsOf(text)).toEqual(records);
  });

  test('says in which line a record begins', () => {
    const lines = parseCsv('h\n"a\n\nb"\nc\n', 'a.csv').map(({ line }) => line);
    expect(lines).toEqual([1, 2, 5]);
  });

  test.each([
    ['a\nb"c\n', 'a.csv:2: expected a field to be quoted whole or without quotes, got "b\\"c\\n"'],
    ['"a"b', 'a.csv:1: expected a field'],
    ['x\n"open', 'a.csv:2: expected a field'],
    ['a\rb', 'a.csv:1: expected a field'],
  ])('refuses %j', (text, message) => {
    expect(() => fieldsOf(text)).toThrow(message);
  });

  test('reads what was written, whatever is in it', () => {
    const field = fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', '\r', 'ö', ' ') });
    fc.assert(
      fc.property(fc.array(fc.array(field, { minLength: 2, maxLength: 5 })), (records) => {
        const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
        const text = records.map((fields) => fields.map(quoted).join()).join('\n');
        expect(fieldsOf(text)).toEqual(records);
      }),
    );
  });

  test('takes time in proportion to a field that does not end', () => {
    const began = process.cpuUsage();
    expect(() => fieldsOf(`"${'a'.repeat(2_000_000)}`)).toThrow('a.csv:1: expected a field');
    expect(process.cpuUsage(began).user).toBeLessThan(2_000_000);
  });
});
