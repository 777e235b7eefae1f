import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { readEvaluateConfig } from '../../lib/evaluate/config.ts';
import { evaluate } from '../../lib/evaluate/evaluate.ts';
import type { Figure } from '../../lib/evaluate/figures.ts';
import { takeLock } from '../../lib/file_lock.ts';
import { withSmallModel } from '../support/small_model.ts';
import { trainingDevice } from '../train/trained.ts';

const device = await trainingDevice();

withSmallModel('an evaluation', ({ folder, scratch, style }) => {
  const file = join(scratch, 'evaluate.json');
  const base = {
    output: 'evaluation',
    models: { small: folder },
    ...{ styles: 2, prompts: 2, seeds: 2, yardstickSeeds: 1, reconstructions: 2, batch: 4 },
    classifier: { weights: 'classifier.safetensors', pictures: 64, epochs: 1 },
    ...{ references: [style], referencePrompts: 1 },
  };
  const config = (more: object = {}) => {
    writeFileSync(file, JSON.stringify({ ...base, ...more }));
    return readEvaluateConfig(file);
  };
  const pictures = () =>
    readdirSync(join(scratch, 'evaluation/pictures/small'), { recursive: true })
      .map((name) => join(scratch, 'evaluation/pictures/small', `${name}`))
      .filter((name) => name.endsWith('.png'))
      .sort();

  test.each([
    [{ references: [style, 'nowhere.png'] }, 'nowhere.png: expected'],
    [{ models: { small: folder, x: 'nowhere' } }, 'nowhere/stylear.json: expected'],
    [{ clip: 'nowhere' }, 'nowhere: expected the folder to have tokenizer.json, or vocab.json'],
    [{ output: 'evaluate.json' }, 'evaluate.json: expected the folder to be writable, got EEXIST'],
  ])('refuses %j before anything is trained or drawn', async (change, message) => {
    const onProgress = () => expect.unreachable('something was begun');
    const refused = evaluate(config({ output: 'early', ...change }), device, { onProgress });
    await expect(refused).rejects.toMatchObject({
      name: 'StylearError',
      message: expect.stringContaining(message),
    });
  });

  test('is refused while another one is at its folder, or trains its classifier', async () => {
    const refused = async (path: string, what: string) => {
      mkdirSync(dirname(path), { recursive: true });
      using _lock = takeLock(path, 'it');
      await expect(evaluate(config(), device)).rejects.toThrow(
        `${path}: expected no other run to hold ${what}, got process `,
      );
    };
    await refused(join(scratch, 'evaluation/lock'), 'the evaluation');
    await refused(join(scratch, 'classifier.safetensors.lock'), 'the training of the classifier');
  });

  test('stops within its pictures, and goes on with those that are there', async () => {
    const controller = new AbortController();
    const stopped = evaluate(config(), device, {
      signal: controller.signal,
      onProgress: (stage, done) => {
        if (stage === 'pictures of small' && done === 7) controller.abort();
      },
    });
    await expect(stopped).rejects.toMatchObject({ name: 'AbortError' });
    const made = pictures();
    expect(made.length).toBeGreaterThan(0);
    expect(made.length).toBeLessThan(40);
    const written = made.map((name) => statSync(name).mtimeMs);
    const { rows, reconstructions, references, models } = await evaluate(config(), device);
    expect(made.map((name) => statSync(name).mtimeMs)).toEqual(written);
    // Two splits: 8 of the full variant and 4 of each of three others; one from outside.
    expect(pictures()).toHaveLength(2 * (8 + 3 * 4) + 1);
    expect(rows.map(({ split, model, variant }) => [split, model, variant].join())).toEqual(
      ['held-out parameters', 'held-out family'].flatMap((split) => [
        `${split},,copy of the reference`,
        `${split},,world drawing`,
        `${split},small,full`,
        `${split},small,without style-enhanced tokens`,
        `${split},small,without style tokens`,
        `${split},small,shuffled reference`,
      ]),
    );
    const copy = rows[0]!.figures;
    expect([copy.style?.mean, copy.palette?.mean]).toEqual([1, 0]);
    const counts = rows.map(({ figures }) => (figures.style as Figure).count);
    expect(counts).toEqual([4, 4, 8, 4, 4, 4, 4, 4, 8, 4, 4, 4]);
    expect(reconstructions.map(({ kind, pictures }) => [kind, pictures])).toEqual([
      ['raw', 2],
      ['stylised', 2],
    ]);
    expect(references).toMatchObject([{ model: 'small', reference: 'style.png' }]);
    const json = JSON.parse(readFileSync(join(scratch, 'evaluation/report.json'), 'utf8'));
    expect(json.models).toEqual(models);
    expect(json.rows).toEqual(JSON.parse(JSON.stringify(rows)));
    expect(readFileSync(join(scratch, 'evaluation/report.html'), 'utf8')).toContain(
      'pictures from outside',
    );
  });

  test('draws a lost picture anew, pixel for pixel', async () => {
    const [lost] = pictures();
    const bytes = readFileSync(lost!);
    rmSync(lost!);
    await evaluate(config(), device);
    expect(readFileSync(lost!).equals(bytes)).toBe(true);
  });

  test('refuses pictures of another protocol', async () => {
    const onProgress = () => expect.unreachable('something was begun');
    await expect(evaluate(config({ prompts: 3 }), device, { onProgress })).rejects.toThrow(
      `${join(scratch, 'evaluation/pictures/small')}: expected prompts to be 2, as it was begun ` +
        'with, got 3. Remove the folder, or choose another output.',
    );
  });

  test('refuses pictures that were drawn with other defaults of the model', async () => {
    const file = join(scratch, 'evaluation/pictures/small/identity.json');
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.replace(/"temperature":[\d.]+/, '"temperature":7'));
    await expect(evaluate(config(), device)).rejects.toThrow(
      'expected defaults.temperature to be 7, as it was begun with, got ',
    );
    writeFileSync(file, text);
  });
});
