/**
 * A damaged form of a file: one to four times, mostly once, a byte changed, a bit flipped, a few bytes cut out,
 * repeated or taken from elsewhere, a number replaced, the end cut off.
 *
 * @param below  draws a whole number from 0 below its argument
 */
export function damaged(whole: Buffer, below: (n: number) => number): Buffer {
  let bytes: Buffer = Buffer.from(whole);
  for (let changes = 1 + below(1 + below(4)); changes > 0 && bytes.length > 0; changes--) {
    const at = below(bytes.length);
    const length = 1 + below(8);
    switch (below(9)) {
      case 0:
        bytes[at] = below(256);
        break;
      case 1:
        bytes[at] = telling[below(telling.length)]!;
        break;
      case 2:
        bytes[at]! ^= 1 << below(8);
        break;
      case 3:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
        break;
      case 4:
        bytes = Buffer.concat([bytes.subarray(0, at + length), bytes.subarray(at)]);
        break;
      case 5: {
        const from = below(bytes.length);
        bytes.copy(bytes, at, from, from + length);
        break;
      }
      case 6:
        bytes.set(numbers[below(numbers.length)]!.subarray(0, bytes.length - at), at);
        break;
      case 7:
        bytes = inserted(bytes, at, words[below(words.length)]!);
        break;
      default:
        // Rarely, as what is left out is not tried.
        if (below(4) === 0) bytes = bytes.subarray(0, at);
    }
  }
  return bytes;
}

/** Opcodes of pickles, signs of JSON and YAML, borders of numbers. */
const telling = [...'\0\u0001\x7f\x80\xff(.Rcbtuesh0}])\x93{[",:-#&9'].map((c) => c.charCodeAt(0));

const numbers = [0n, 1n, 0xffffn, 0xffffffffn, 2n ** 31n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n].map(
  (value) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(value);
    return bytes;
  },
);

const words = [
  'cos\nsystem\n',
  'q\x00h\x00',
  '"__proto__":',
  '9007199254740993',
  '-1',
  '1e999',
  '../',
  '\\u0000',
  'null',
  '  - ',
  '[]',
].map((word) => Buffer.from(word, 'latin1'));

const inserted = (bytes: Buffer, at: number, word: Buffer): Buffer =>
  Buffer.concat([bytes.subarray(0, at), word, bytes.subarray(at)]);
