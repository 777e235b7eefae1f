// Where results cannot be written, a command says so before it works for them.
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { program } from '../../lib/cli/program.ts';
import { printedLines } from './printed.ts';

const root = mkdtempSync(join(tmpdir(), 'stylear-output-'));
afterAll(() => rmSync(root, { recursive: true }));
const file = join(root, 'a-file');
writeFileSync(file, '');
const folder = join(root, 'a-folder.png');
mkdirSync(folder);

printedLines();
/** With a model that is not there, which a command would miss if it looked for it first. */
const run = (...args: string[]) => program().parseAsync(args, { from: 'user' });
const model = ['--model', join(root, 'no-model')];

describe('an output that cannot be written', () => {
  test.each<[string, string[], string]>([
    ['generate', ['--prompt', 'a', '-o', join(file, 'x.png'), ...model], file],
    ['generate', ['--prompt', 'a', '-o', folder, ...model], folder],
    ['style', [join(root, 'none.png'), '-o', join(file, 'x.style'), ...model], file],
    ['demo', ['-o', file, ...model], file],
    ['convert', [join(root, 'none.safetensors'), join(file, 'x.safetensors')], file],
    ['world sheet', ['subjects', '--size', '16', '-o', join(file, 'x.png')], file],
    ['world samples', ['raw', '--count', '1', '-o', join(file, 'x')], file],
    ['world references', ['-o', file], file],
  ])('of %s %j', async (command, args, place) => {
    await expect(run(...command.split(' '), ...args)).rejects.toMatchObject({
      code: 'ERR_INPUT',
      message: expect.stringMatching(
        new RegExp(`^${place}: expected the (file|folder) to be writable, got `),
      ),
    });
  });

  test.each(['x.txt', 'x'])('is a picture called %s', async (name) => {
    const args = ['generate', '--prompt', 'a', '-o', join(root, 'new', name), ...model];
    await expect(run(...args)).rejects.toThrow(`${name}: expected its end to be one of .png, .jpg`);
    expect(existsSync(join(root, 'new'))).toBe(false);
  });
});

test('the folder of an output is made', async () => {
  await run('world', 'sheet', 'raw', '--size', '16', '-o', join(root, 'a', 'b', 'sheet.png'));
  expect(existsSync(join(root, 'a', 'b', 'sheet.png'))).toBe(true);
});
