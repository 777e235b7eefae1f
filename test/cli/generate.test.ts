import { existsSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { program } from '../../lib/cli/program.ts';
import { withSmallModel } from '../support/small_model.ts';
import { printedLines } from './printed.ts';

const printed = printedLines();

withSmallModel('stylear generate and style', ({ folder, scratch, style, subject, condition }) => {
  const model = ['--model', folder, '--device', 'cpu'];
  const run = (...args: string[]) => program().parseAsync([...args, ...model], { from: 'user' });
  const place = () => mkdtempSync(join(scratch, 'cli-'));
  const drawing = ['generate', '--prompt', 'a cat', '--size', '32x32', '--seed', '3'];

  test('a style that was encoded draws the same picture as its reference', async () => {
    const at = place();
    const [saved, a, b] = ['ref.style', 'a.png', 'b.png'].map((name) => join(at, name));
    await run('style', style, '--subject', subject, '-o', saved!);
    expect(printed).toEqual([`${saved}  16 vectors of 64`]);
    await run(...drawing, '--style', style, '--subject', subject, '-o', a!);
    await run(...drawing, '--style', saved!, '-o', b!);
    expect(readFileSync(b!)).toEqual(readFileSync(a!));
    await run('style', `${style}:0.7,${condition}:0.3`, '-o', join(at, 'mix.style'));
    await run(...drawing, '--mix', `${style}:0.7,${condition}:0.3`, '-o', a!);
    await run(...drawing, '--style', join(at, 'mix.style'), '-o', b!);
    expect(readFileSync(b!)).toEqual(readFileSync(a!));
  });

  test('several pictures are numbered, and steps are told at the end', async () => {
    const at = place();
    await run(...drawing, '--count', '2', '-o', join(at, 'x.png'));
    expect(readdirSync(at).sort()).toEqual(['x-1.png', 'x-2.png']);
    expect(printed.at(-1)).toMatch(
      /^2 pictures in \d+ s, [\d.]+ steps a picture for 4 drawn tokens(, \d+ % of drafts right)?, windows \d+: \d+/,
    );
  });

  test.each([
    [['--size', '32'], 'generate: expected --size to be WIDTHxHEIGHT, such as 768x768, got "32"'],
    [['--size', '4096x4096'], 'generate: expected size to be a picture of less than'],
    [['--subject', 'a.png'], 'generate: expected --style beside --subject, got none'],
    [
      ['--style', 'a.png', '--mix', 'b.png'],
      'generate: expected one of --style and --mix, got both',
    ],
    [['--style', 'none.png'], 'none.png: expected the picture to be readable'],
  ])('%j is refused, and nothing is written', async (options, message) => {
    const at = place();
    await expect(run(...drawing, '-o', join(at, 'x.png'), ...options)).rejects.toThrow(message);
    expect(readdirSync(at)).toEqual([]);
  });

  test('a style goes to a file of its own kind', async () => {
    const path = join(place(), 'ref.png');
    await expect(run('style', style, '-o', path)).rejects.toThrow(
      `style: expected --output to end in .style, got ${JSON.stringify(path)}`,
    );
    expect(existsSync(path)).toBe(false);
  });
});
