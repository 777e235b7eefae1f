import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readingFile } from '../../lib/weights/byte_source.ts';

/** How many files this process has open. */
const descriptors = () => readdirSync('/proc/self/fd').length;

test('a file is closed when what it is read for is done, or fails', () => {
  const path = import.meta.filename;
  const before = descriptors();
  const read = readingFile(path, (source) => source.read(0, source.bytes));
  expect(read).toEqual(readFileSync(path));
  const fail = () =>
    readingFile(path, () => {
      throw new Error('no sense');
    });
  expect(fail).toThrow('no sense');
  expect(descriptors()).toBe(before);
});
