// Values in fewer bits, as devices round them.

/** The bits of bf16, rounded to nearest even; a NaN stays one. */
export function toBf16(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const halves = new Uint16Array(values.length);
  for (let i = 0; i < halves.length; i++) {
    const x = bits[i]!;
    const isNan = (x & 0x7fffffff) > 0x7f800000;
    halves[i] = isNan ? (x >>> 16) | 0x40 : (x + 0x7fff + ((x >>> 16) & 1)) >>> 16;
  }
  return halves;
}

/**
 * What each row is divided by before it is rounded to 8 bits: its largest magnitude over 127, or 1
 * for a row of zeros. Infinite or NaN where a value of the row is.
 *
 * @param values  `[rows, width]`, row-major
 */
export function rowScales(values: Float32Array, width: number): Float32Array {
  const scales = new Float32Array(values.length / width);
  for (let row = 0, at = 0; row < scales.length; row++) {
    let largest = 0;
    // A NaN is the largest there is to `Math.max`.
    for (const end = at + width; at < end; at++) largest = Math.max(largest, Math.abs(values[at]!));
    scales[row] = largest === 0 ? 1 : largest / 127;
  }
  return scales;
}

/** Adding and taking away 1.5 * 2^23 leaves an f32 without its fraction, rounded to nearest even. */
const integers = 12582912;

/** Rows in 8 bits, rounded to nearest even. @param scales  as `rowScales` gives them, finite */
export function toInt8Rows(values: Float32Array, width: number, scales: Float32Array): Int8Array {
  const rows = new Int8Array(values.length);
  for (let row = 0, at = 0; row < scales.length; row++) {
    const scale = scales[row]!;
    for (const end = at + width; at < end; at++) {
      // A scale of so few bits that it is rounded itself may leave more than 127.
      const x = Math.min(127, Math.max(-127, Math.fround(values[at]! / scale)));
      rows[at] = Math.fround(x + integers) - integers;
    }
  }
  return rows;
}

/** What 8-bit rows stand for. */
export function fromInt8Rows(rows: Int8Array, width: number, scales: Float32Array): Float32Array {
  const values = new Float32Array(rows.length);
  for (let row = 0, at = 0; row < scales.length; row++) {
    const scale = scales[row]!;
    for (const end = at + width; at < end; at++) values[at] = rows[at]! * scale;
  }
  return values;
}
