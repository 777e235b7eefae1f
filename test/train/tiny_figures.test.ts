// What train/tiny keeps of a whole run.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, expect, test } from 'vitest';

const root = mkdtempSync(join(tmpdir(), 'stylear-figures-'));
afterAll(() => rmSync(root, { recursive: true }));
const script = pathToFileURL(join(import.meta.dirname, '../../train/tiny/figures.mjs')).href;

const work = join(root, 'work');
const model = join(root, 'model');

/** Runs the body of a program that has the functions of the script, and `work` and the like. */
function run(body: string): void {
  const names = JSON.stringify({ root, work, model });
  const program = `import { addMinutes, writeFigures } from ${JSON.stringify(script)};
    const { root, work, model } = ${names};
    ${body}`;
  execFileSync(process.execPath, ['--input-type=module', '-e', program], { stdio: 'pipe' });
}

test('minutes of parts are added, and figures are medians and the means of the last twentieth', () => {
  for (const stage of ['vqgan', 'clip', 'base', 'style']) {
    mkdirSync(join(work, 'runs', stage), { recursive: true });
    // Of 40 steps the last two count.
    const steps = Array.from({ length: 40 }, (_, i) => ({
      ...{ step: i + 1, loss: 40 - i, seconds: i === 0 ? 60 : 1.5 },
      metrics: { scale: i === 39 ? 3 : 2 },
    }));
    const lines = steps.map((step) => `${JSON.stringify(step)}\n`).join('');
    writeFileSync(join(work, 'runs', stage, 'steps.jsonl'), lines);
  }
  mkdirSync(join(work, 'evaluation'));
  const report = { models: { tiny: 'a' }, rows: [1], reconstructions: [2], references: [3] };
  writeFileSync(join(work, 'evaluation', 'report.json'), JSON.stringify({ ...report, other: 4 }));
  mkdirSync(join(model, 'clip'), { recursive: true });
  writeFileSync(join(model, 'config.json'), '12345');
  writeFileSync(join(model, 'clip', 'weights'), '123');
  mkdirSync(join(root, 'bench', 'results'), { recursive: true });

  run("addMinutes(work, 'base', 1.25); addMinutes(work, 'style', 2);");
  run("addMinutes(work, 'base', 0.5); writeFigures(root, work, model);");

  const files = readdirSync(join(root, 'bench', 'results'));
  expect(files).toEqual([expect.stringMatching(/^tiny-\d{4}-\d\d-\d\d\.json$/)]);
  const figures = JSON.parse(readFileSync(join(root, 'bench', 'results', files[0]!), 'utf8'));
  expect(figures).toMatchObject({
    minutes: { base: 1.75, style: 2 },
    shipped: { bytes: 8 },
    evaluation: report,
  });
  expect(figures.evaluation).not.toHaveProperty('other');
  expect(Object.keys(figures.stages)).toEqual(['vqgan', 'clip', 'base', 'style']);
  expect(figures.stages.base).toEqual({
    ...{ steps: 40, medianSecondsPerStep: 1.5, minutes: 1.975 },
    ...{ lossOfFirst: 40, lossOfLast5Percent: 1.5, scaleOfLast5Percent: 2.5 },
  });
});
