const startOfScan = 0xda;
const endOfImage = 0xd9;

/**
 * How many scans a JPEG file has. A decoder works over the whole picture for each, so that a small
 * file of many scans takes minutes.
 */
export function countJpegScans(bytes: Uint8Array): number {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  let scans = 0;
  for (let at = file.indexOf(0xff, 2); at >= 0 && at + 1 < file.length; ) {
    const marker = file[at + 1]!;
    if (marker === endOfImage) break;
    if (marker === startOfScan) scans++;
    const length = hasLength(marker) && at + 4 <= file.length ? file.readUInt16BE(at + 2) : 0;
    at = file.indexOf(0xff, marker === 0xff ? at + 1 : at + 2 + length);
  }
  return scans;
}

/** Not of a 255 among the data, which 0 follows, of filling, restarts and what stands alone. */
const hasLength = (marker: number): boolean =>
  marker > 0x01 && marker !== 0xff && !(marker >= 0xd0 && marker <= 0xd8);
