import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { makeFolder } from '../lib/make_folder.ts';

const root = mkdtempSync(join(tmpdir(), 'stylear-make-folder-'));
afterAll(() => rmSync(root, { recursive: true }));

describe('a folder', () => {
  test('is made with those that it lies in, and may be there', () => {
    const path = join(root, 'a', 'b');
    makeFolder(path);
    makeFolder(path);
    expect(statSync(path).isDirectory()).toBe(true);
  });

  test.each(['file', 'file/below'])('that is %s is an error of input', (name) => {
    writeFileSync(join(root, 'file'), '');
    const path = join(root, name);
    expect(() => makeFolder(path)).toThrow(
      expect.objectContaining({
        code: 'ERR_INPUT',
        message: expect.stringContaining(`${path}: expected the folder to be writable, got E`),
      }),
    );
  });

  test.runIf(process.platform === 'linux').each(['/proc/stylear', '/proc/stylear/below'])(
    'that has no place where it is asked for is one, at once: %s',
    (path) => {
      expect(() => makeFolder(path)).toThrow(
        `${path}: expected the folder to be writable, got ENOENT`,
      );
    },
  );

  // Root may write wherever the file system may.
  test.skipIf(process.getuid?.() === 0)('that may not be written to is one, too', () => {
    const closed = join(root, 'closed');
    mkdirSync(closed);
    chmodSync(closed, 0o500);
    expect(() => makeFolder(closed)).toThrow('expected the folder to be writable, got EACCES');
  });
});
