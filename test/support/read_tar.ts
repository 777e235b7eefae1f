import { readFileSync } from 'node:fs';

/** The files of a tar archive. It must be whole: sums right, names apart, two blocks of zeros at its end. */
export function readTar(path: string): Map<string, Buffer> {
  const bytes = readFileSync(path);
  const files = new Map<string, Buffer>();
  let at = 0;
  for (; bytes[at] !== 0; ) {
    const header = bytes.subarray(at, at + 512);
    if (header.length < 512) throw new Error(`${path}: it has no end`);
    const text = (begin: number, end: number) =>
      header.toString('latin1', begin, end).split('\0', 1)[0]!;
    const sum = header.reduce((sum, byte, i) => sum + (i >= 148 && i < 156 ? 32 : byte), 0);
    if (sum !== Number.parseInt(text(148, 156), 8)) throw new Error(`${path}: a sum is wrong`);
    const size = Number.parseInt(text(124, 136), 8);
    const name = text(0, 100);
    if (files.has(name)) throw new Error(`${path}: ${name} is there twice`);
    files.set(name, bytes.subarray(at + 512, at + 512 + size));
    at += 512 + Math.ceil(size / 512) * 512;
  }
  if (bytes.length !== at + 1024 || !bytes.subarray(at).every((byte) => byte === 0))
    throw new Error(`${path}: its end is not two blocks of zeros`);
  return files;
}
