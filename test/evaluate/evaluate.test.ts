import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { readEvaluateConfig } from '../../lib/evaluate/config.ts';
import { evaluate } from '../../lib/evaluate/evaluate.ts';
import type { Figure } from '../../lib/evaluate/figures.ts';
import { takeLock } from '../../lib/file_lock.ts';
import { writeSmallClip } from '../curate/small_clip.ts';
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
    // Two splits: 8 of the full variant and 4 of each of three others; from outside, with style and without.
    expect(pictures()).toHaveLength(2 * (8 + 3 * 4) + 2);
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
    expect(references).toMatchObject([
      { model: undefined, variant: 'copy of the reference', reference: 'style.png' },
      { model: 'small', variant: 'full', reference: 'style.png' },
      { model: 'small', variant: 'without style tokens', reference: 'style.png' },
    ]);
    expect(Object.keys(references[1]!.figures)).toEqual(['palette']);
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

withSmallModel('an evaluation of pictures from outside alone', (model) => {
  const { folder, scratch, style, subject } = model;
  const output = join(scratch, 'outside');
  const prompts = ['a sleeping fox', 'a house at night', 'an owl'];
  const config = (more: object = {}) => {
    const file = join(scratch, 'outside.json');
    const asked = {
      ...{ output, models: { small: folder }, splits: [], batch: 4, clip: 'clip' },
      ...{ references: [style, subject], referencePrompts: prompts },
    };
    writeFileSync(file, JSON.stringify({ ...asked, ...more }));
    return readEvaluateConfig(file);
  };
  const pictures = () =>
    readdirSync(join(output, 'pictures/small'), { recursive: true })
      .map(String)
      .filter((name) => name.endsWith('.png'))
      .sort();
  beforeAll(() => writeSmallClip(join(scratch, 'clip'), device));

  test('goes on with the pictures that are there, and trains no classifier', async () => {
    const controller = new AbortController();
    const stages = new Set<string>();
    const stopped = evaluate(config(), device, {
      signal: controller.signal,
      onProgress: (stage, done) => {
        stages.add(stage);
        if (done === 5) controller.abort();
      },
    });
    await expect(stopped).rejects.toMatchObject({ name: 'AbortError' });
    expect([...stages]).toEqual(['pictures of small']);
    const made = pictures();
    expect(made.length).toBeGreaterThan(0);
    const written = () =>
      made.map((name) => statSync(join(output, 'pictures/small', name)).mtimeMs);
    const before = written();
    const { rows, reconstructions, references, clip } = await evaluate(config(), device);
    expect(written()).toEqual(before);
    expect(pictures()).toHaveLength(3 * 2 * prompts.length);
    expect([rows, reconstructions]).toEqual([[], []]);
    expect(clip).toMatch(/^[0-9a-f]{16}$/);
    const variants = ['full', 'without style tokens', 'shuffled reference'];
    expect(references.map(({ model, variant, reference }) => [model, variant, reference])).toEqual(
      [
        [undefined, 'copy of the reference'],
        ...variants.map((variant) => ['small', variant]),
      ].flatMap((asked) => [undefined, 'style.png', 'subject.png'].map((name) => [...asked, name])),
    );
    for (const { reference, figures } of references)
      expect(figures.clipText!.count).toBe(reference === undefined ? 6 : 3);
    const [copies] = references;
    // f32 vectors.
    expect(copies!.figures.clipImage!.mean).toBeCloseTo(1, 6);
    expect(copies!.figures).toMatchObject({ clipChoice: { mean: 1 }, palette: { mean: 0 } });
    const json = JSON.parse(readFileSync(join(output, 'report.json'), 'utf8'));
    expect(json.config.referencePrompts).toEqual(prompts);
    expect(json.references).toEqual(JSON.parse(JSON.stringify(references)));
    const page = readFileSync(join(output, 'report.html'), 'utf8');
    expect(page).toContain('small, shuffled reference, pictures from outside');
    expect(page).not.toContain('held-out');
  });

  test('draws what is new alone: a prompt that is added, a picture that changed', async () => {
    const before = new Set(pictures());
    const added = async (more: object) => {
      await evaluate(config(more), device);
      const names = pictures().filter((name) => !before.has(name));
      for (const name of names) before.add(name);
      return names;
    };
    expect(await added({ referencePrompts: [...prompts, 'a boat'] })).toHaveLength(3 * 2);
    const copy = join(scratch, 'copy.png');
    copyFileSync(subject, copy);
    expect(await added({ references: [style, copy] })).toEqual([]);
    copyFileSync(model.condition, copy);
    // Itself, and the other one that is shown it in place of its own.
    expect(await added({ references: [style, copy] })).toHaveLength(2 * prompts.length);
  });

  test('draws several pictures of a prompt, each of its own', async () => {
    const { references } = await evaluate(
      config({ output: 'seeds', referenceSeeds: 2, references: [style], variants: ['full'] }),
      device,
    );
    expect(references.map(({ figures }) => figures.clipImage!.count)).toEqual([3, 6]);
    const drawn = readdirSync(join(scratch, 'seeds/pictures/small/full/outside'));
    const bytes = drawn.map((name) =>
      readFileSync(join(scratch, 'seeds/pictures/small/full/outside', name), 'base64'),
    );
    expect(new Set(bytes).size).toBe(6);
    expect(existsSync(join(scratch, 'seeds/pictures/small/without style tokens'))).toBe(false);
  });
});
