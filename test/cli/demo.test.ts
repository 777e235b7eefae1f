import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { demoPage } from '../../lib/cli/demo_page.ts';
import { program } from '../../lib/cli/program.ts';
import { decodePicture } from '../../lib/image/decode.ts';
import { crop } from '../../lib/image/picture.ts';
import { withSmallModel } from '../support/small_model.ts';
import { printedLines } from './printed.ts';

const printed = printedLines();

const run = (...args: string[]) => program().parseAsync(args, { from: 'user' });
/** The bytes of the pictures of a page, in its order. */
const picturesOf = (page: string) =>
  [...page.matchAll(/src="data:image\/png;base64,([^"]*)"/g)].map(([, data]) =>
    Buffer.from(data!, 'base64'),
  );

withSmallModel('stylear demo', ({ folder, scratch, style, subject, condition }) => {
  const model = ['--model', folder, '--device', 'cpu'];
  const prompts = ['a cat', 'a "red" ship'];
  const mine = join(scratch, 'mine');
  mkdirSync(mine);
  const [first, cut, second] = ['b.png', 'b.subject.png', 'a.png'].map((name) => join(mine, name));
  copyFileSync(style, first!);
  copyFileSync(subject, cut!);
  copyFileSync(condition, second!);
  const output = join(scratch, 'demo');
  const demo = (...pictures: string[]) =>
    run(
      'demo',
      ...pictures,
      ...prompts.flatMap((prompt) => ['--prompt', prompt]),
      ...model,
      '-o',
      output,
      '--seed',
      '7',
    );

  test('draws every prompt in every style, as generate does with the same seeds', async () => {
    await demo(first!, cut!, second!);
    expect(process.exitCode).toBe(0);
    expect(printed).toHaveLength(1);
    expect(printed[0]).toMatch(
      new RegExp(
        `^4 pictures of 96 x 96 in \\d+ s on cpu.*\n${output}/grid.png\n${output}/index.html$`,
      ),
    );
    const page = readFileSync(join(output, 'index.html'), 'utf8');
    expect(page).toContain('<th>reference</th><th>a cat</th><th>a &quot;red&quot; ship</th>');
    expect(page).not.toMatch(/https?:|<script|<link/);
    const closest = page.match(/(\d) of 4 are closest/)![1];
    expect(page.match(/style distance [\d.]+; seed [78]/g) ?? []).toHaveLength(Number(closest));
    expect(page.match(/style distance [\d.]+[,;]/g)).toHaveLength(4);
    const pictures = picturesOf(page);
    expect(pictures).toHaveLength(6);
    const file = join(scratch, 'alone.png');
    const size = ['--size', '96x96', '-o', file];
    for (const [at, seed, words] of [
      [1, '7', ['--style', style, '--subject', subject, '--prompt', prompts[0]!]],
      [2, '8', ['--style', style, '--subject', subject, '--prompt', prompts[1]!]],
      [4, '7', ['--style', condition, '--prompt', prompts[0]!]],
    ] as const) {
      await run('generate', ...words, '--seed', seed, ...size, ...model);
      expect(pictures[at]!.equals(readFileSync(file)), `picture ${at}`).toBe(true);
    }
  });

  test('puts a reference to the left of its results', async () => {
    const grid = await decodePicture(join(output, 'grid.png'));
    expect([grid.width, grid.height]).toEqual([3 * 99 + 3, 2 * 99 + 3]);
    const results = picturesOf(readFileSync(join(output, 'index.html'), 'utf8'));
    const shown = crop(grid, 3 + 99, 3 + 99, 96, 96);
    const drawn = await decodePicture(results[4]!);
    expect(Buffer.compare(shown.pixels, drawn.pixels)).toBe(0);
  });

  test('a reference that is none is refused, and nothing is written', async () => {
    const nowhere = join(scratch, 'refused');
    await expect(run('demo', 'none.png', ...model, '-o', nowhere)).rejects.toThrow(
      'none.png: expected the picture to be readable',
    );
    expect(existsSync(nowhere)).toBe(false);
  });
});

describe('the page of a demo', () => {
  test('escapes what it is told', () => {
    const rows = [
      { name: '<b>', png: Buffer.from('1'), results: [{ png: Buffer.from('2'), scores: '<i>' }] },
    ];
    const page = demoPage({ prompts: ['a & b'], rows, notes: ['x < y'] });
    expect(page).toContain('alt="a &amp; b, in the style of &lt;b&gt;"');
    expect(page).toContain('<small>&lt;i&gt;</small>');
    expect(page).toContain('<p>x &lt; y</p>');
  });
});

describe('a demo that is told nothing', () => {
  test('draws in the styles of the shipped references', async () => {
    const output = mkdtempSync(join(tmpdir(), 'stylear-demo-'));
    await run('demo', '--prompt', 'a cat', '-o', output, '--device', 'cpu');
    expect(process.exitCode).toBe(0);
    expect(picturesOf(readFileSync(join(output, 'index.html'), 'utf8'))).toHaveLength(12);
    rmSync(output, { recursive: true });
  });
});
