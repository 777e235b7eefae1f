import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { replaceFile } from '../lib/replace_file.ts';

const folder = mkdtempSync(join(tmpdir(), 'stylear-replace-'));
afterAll(() => rmSync(folder, { recursive: true }));
const path = join(folder, 'x');

describe('replaceFile', () => {
  test('puts what was written in the place of the old content', async () => {
    writeFileSync(path, 'old');
    await replaceFile(path, 'ERR_INPUT', async (write) => {
      write(Buffer.from('ne'));
      write(Buffer.from('w'));
      expect(readFileSync(path, 'utf8')).toBe('old');
    });
    expect(readFileSync(path, 'utf8')).toBe('new');
    expect(readdirSync(folder)).toEqual(['x']);
  });

  test('leaves the old content, and nothing else, when the writer fails', async () => {
    writeFileSync(path, 'old');
    const failing = replaceFile(path, 'ERR_INPUT', (write) => {
      write(Buffer.from('ne'));
      throw new Error('no power');
    });
    await expect(failing).rejects.toThrow('no power');
    expect(readFileSync(path, 'utf8')).toBe('old');
    expect(readdirSync(folder)).toEqual(['x']);
  });

  test.each(['ERR_INPUT', 'ERR_WEIGHTS'] as const)(
    'says with %s that a file cannot be written',
    async (code) => {
      const nowhere = join(folder, 'none', 'x');
      await expect(replaceFile(nowhere, code, () => {})).rejects.toMatchObject({
        code,
        message: expect.stringContaining(
          `${nowhere}: expected the file to be writable, got ENOENT`,
        ),
      });
    },
  );
});
