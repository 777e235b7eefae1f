// Archives as others write them: bytes of pax and of GNU's tar.
import { tarEntry } from '../../lib/shards/tar.ts';

/** An entry whose header is changed and summed again. */
export function withHeader(entry: Buffer, change: (header: Buffer) => void): Buffer {
  change(entry.subarray(0, 512));
  entry.fill(' ', 148, 156);
  const sum = entry.subarray(0, 512).reduce((a, b) => a + b, 0);
  entry.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return entry;
}

/** A header of another type than a file. */
export const ofType = (type: string, name: string, content: string | Uint8Array): Buffer =>
  withHeader(tarEntry(name, Buffer.from(content)), (header) => header.write(type, 156, 'latin1'));

/** `LENGTH key=value`, the length in bytes with its own digits. */
export function record(key: string, value: string | Buffer): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), Buffer.from(value), Buffer.from('\n')]);
  let length = rest.length;
  while (`${length}`.length + rest.length !== length) length = `${length}`.length + rest.length;
  return Buffer.concat([Buffer.from(`${length}`), rest]);
}

/** A header of pax as Python's tarfile writes it. */
export const pax = (...records: readonly Buffer[]): Buffer =>
  ofType('x', '././@PaxHeader', Buffer.concat(records));

/** The time that WebDataset's TarWriter gives a file, which has a fraction. */
export const time = record('mtime', '1700000000.25');
