import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { program } from '../../lib/cli/program.ts';
import { withSmallModel } from '../support/small_model.ts';
import { printedLines } from './printed.ts';

const printed = printedLines();

withSmallModel('stylear evaluate', ({ folder, scratch }) => {
  const file = join(scratch, 'evaluate.json');
  const output = join(scratch, 'evaluation');
  const base = {
    ...{ output: 'evaluation', models: { small: folder }, variants: ['full'] },
    ...{ styles: 2, prompts: 2, seeds: 2, yardstickSeeds: 1, reconstructions: 0, batch: 2 },
    classifier: { weights: 'classifier.safetensors', pictures: 64, epochs: 1 },
  };
  const evaluate = (more: object = {}) => {
    writeFileSync(file, JSON.stringify({ ...base, ...more }));
    const args = ['evaluate', file, '--device', 'cpu', '--threads', '1'];
    return program().parseAsync(args, { from: 'user' });
  };
  const report = join(output, 'report.json');

  test('stops when it is interrupted, and goes on when it is called again', async () => {
    const running = evaluate();
    const drawn = join(output, 'pictures/small/full');
    await vi.waitFor(() => expect(existsSync(drawn)).toBe(true), { timeout: 40_000, interval: 1 });
    process.emit('SIGINT');
    await running;
    expect(process.exitCode).toBe(1);
    expect(printed.at(-1)).toBe('stopped; the same command goes on');
    expect(existsSync(report)).toBe(false);
    printed.length = 0;
    await evaluate();
    expect(process.exitCode).toBe(0);
    expect(JSON.parse(printed[0]!)).toMatchObject({ batch: 2, cacheGb: 0.5, references: [] });
    expect(printed.slice(1)).toEqual([join(output, 'report.html'), report]);
    const { rows } = JSON.parse(readFileSync(report, 'utf8'));
    expect(rows).toHaveLength(6);
  });

  test.each([
    [{ models: {} }, 'expected models to be at least one'],
    [{ variants: ['fuller'] }, 'expected variants.0 to be one of "full"'],
    [{ colour: 1 }, 'expected the config to be without keys that are not known, got "colour"'],
  ])('refuses %j', async (more, message) => {
    await expect(evaluate({ output: 'refused', ...more })).rejects.toThrow(message);
    expect(existsSync(join(scratch, 'refused'))).toBe(false);
  });
});
