import { describe, expect, test } from 'vitest';
import { decode } from '../../lib/weights/element_values.ts';

const all16 = Buffer.from(Uint16Array.from({ length: 65536 }, (_, i) => i).buffer);
const all8 = Buffer.from(Uint8Array.from({ length: 256 }, (_, i) => i));

/** The value of bits by the definition of IEEE 754: sign, exponent, fraction. */
function value(bits: number, exponentBits: number, fractionBits: number): number {
  const text = bits.toString(2).padStart(1 + exponentBits + fractionBits, '0');
  const exponent = Number.parseInt(text.slice(1, 1 + exponentBits), 2);
  const fraction = Number.parseInt(text.slice(1 + exponentBits), 2) / 2 ** fractionBits;
  const bias = 2 ** (exponentBits - 1) - 1;
  const sign = text[0] === '1' ? -1 : 1;
  if (exponent === 2 ** exponentBits - 1) return fraction ? Number.NaN : sign * Infinity;
  return exponent === 0
    ? sign * fraction * 2 ** (1 - bias)
    : sign * (1 + fraction) * 2 ** (exponent - bias);
}

describe('decode', () => {
  test.each([
    ['F16', all16, 5, 10],
    ['BF16', all16, 8, 7],
    ['F8_E5M2', all8, 5, 2],
  ] as const)('gives every value of %s', (dtype, elements, exponentBits, fractionBits) => {
    const got = decode(dtype, elements)!;
    expect(got.length).toBe(dtype.startsWith('F8') ? 256 : 65536);
    for (let i = 0; i < got.length; i++) {
      const expected = value(i, exponentBits, fractionBits);
      if (!Object.is(got[i], expected)) throw new Error(`${i}: ${got[i]}, not ${expected}`);
    }
  });

  test('gives every value of F8_E4M3: no infinities, one pair of bits that is no number', () => {
    const got = decode('F8_E4M3', all8)!;
    for (let i = 0; i < 256; i++) {
      const isNumber = (i & 0x7f) !== 0x7f;
      const ieee = value(i, 4, 3);
      // Where IEEE has its infinities the exponent goes on by one.
      const last = (i & 0x80 ? -1 : 1) * (1 + (i & 7) / 8) * 256;
      expect(got[i]).toBe(isNumber ? (Number.isFinite(ieee) ? ieee : last) : Number.NaN);
    }
  });

  test('gives integers of every width, at any offset, or nothing where they do not fit', () => {
    const bytes = Buffer.from([9, 1, 2, 3, 4, 0xff, 0xff, 0xff, 0xff]).subarray(1);
    expect([...decode('U8', bytes)!]).toEqual([1, 2, 3, 4, 255, 255, 255, 255]);
    expect([...decode('I8', bytes)!]).toEqual([1, 2, 3, 4, -1, -1, -1, -1]);
    expect([...decode('BOOL', bytes.subarray(0, 1))!]).toEqual([1]);
    expect([...decode('I16', bytes)!]).toEqual([513, 1027, -1, -1]);
    expect([...decode('U16', bytes)!]).toEqual([513, 1027, 65535, 65535]);
    expect([...decode('I32', bytes)!]).toEqual([0x04030201, -1]);
    expect(decode('U32', bytes)).toBeUndefined();
    expect([...decode('U32', bytes.subarray(0, 4))!]).toEqual([0x04030201]);
    expect(decode('I64', bytes)).toBeUndefined();
    expect(decode('U64', bytes)).toBeUndefined();
    expect([...decode('I64', Buffer.alloc(8, 0xff))!]).toEqual([-1]);
  });

  test('gives f32 and f64 as f32', () => {
    const bytes = Buffer.from(Float64Array.of(1.1, -0).buffer);
    expect([...decode('F64', bytes)!]).toEqual([Math.fround(1.1), -0]);
    expect([...decode('F32', Buffer.from(Float32Array.of(3.5).buffer))!]).toEqual([3.5]);
  });
});
