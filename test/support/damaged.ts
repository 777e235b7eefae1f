/**
 * A file with one to three faults: bytes changed, cut out, repeated, cut off.
 *
 * @param below  draws a whole number from 0 to what it is given, exclusive
 */
export function damaged(whole: Buffer, below: (n: number) => number): Buffer {
  const interesting = [0, 1, 0x7f, 0x80, 0xff, 0x28, 0x2e, 0x52, 0x63, 0x7b];
  let bytes: Buffer = Buffer.from(whole);
  for (let changes = 1 + below(3); changes > 0 && bytes.length > 0; changes--) {
    const at = below(bytes.length);
    const length = 1 + below(8);
    switch (below(6)) {
      case 0:
        bytes[at] = below(256);
        break;
      case 1:
        bytes[at] = interesting[below(interesting.length)]!;
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
      default:
        bytes = bytes.subarray(0, at);
    }
  }
  return bytes;
}
