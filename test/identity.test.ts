import { describe, expect, test } from 'vitest';
import { requireIdentity } from '../lib/identity.ts';
import { expectRefusal } from './support/op_case.ts';

const advice = 'Remove it.';
const require = (begun: unknown, asked: unknown) =>
  requireIdentity('there', JSON.stringify(begun), JSON.stringify(asked), advice);

describe('an identity', () => {
  test('is the same in any order of its keys', () => {
    require({ a: 1, b: { c: [1, { d: 2 }], e: {} } }, { b: { e: {}, c: [1, { d: 2 }] }, a: 1 });
  });

  test.each([
    [{ t: { rate: 0.1, seed: 1 } }, { t: { rate: 0.2, seed: 1 } }, 't.rate to be 0.1', '0.2'],
    [{ of: ['a', 'b'] }, { of: ['a', 'c'] }, 'of.1 to be "b"', '"c"'],
    [{ of: ['a'] }, { of: ['a', 'b'] }, 'of.1 to be nothing', '"b"'],
    [{ a: 1, b: null }, { a: 1 }, 'b to be null', 'nothing'],
    [{ a: 1 }, { a: '1' }, 'a to be 1', '"1"'],
    [['x'], 'y', '0 to be "x"', 'nothing; its identity to be nothing, got "y"'],
  ])('of %j is not %j', (begun, asked, expected, got) => {
    expectRefusal(
      () => require(begun, asked),
      'ERR_INPUT',
      `there: expected ${expected}, as it was begun with, got ${got}. Remove it.`,
    );
  });

  test('names three keys that differ, and counts the others', () => {
    const message =
      'there: expected a to be 1, as it was begun with, got 2; b to be 1, got 2; c to be 1, got 2';
    const ones = { a: 1, b: 1, c: 1, d: 1 };
    const twos = { a: 2, b: 2, c: 2, d: 2 };
    expect(() => require(ones, twos)).toThrow(`${message}; and 1 more key. Remove it.`);
    const more = { ...twos, e: 2 };
    expect(() => require(ones, more)).toThrow(`${message}; and 2 more keys. Remove it.`);
  });

  test('may be a text of any kind', () => {
    requireIdentity('there', 'one', 'one', advice);
    expect(() => requireIdentity('there', 'one', 'two', advice)).toThrow(
      'there: expected its identity to be "one", as it was begun with, got "two". Remove it.',
    );
  });

  test('shows no more of a long value than fits on a line', () => {
    expect(() => require({ a: 'x'.repeat(500) }, { a: 1 })).toThrow(
      `expected a to be "${'x'.repeat(76)}..., as it was begun with, got 1`,
    );
  });
});
