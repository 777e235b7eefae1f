import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { StyleAR } from '../../lib/index.ts';
import { embeddedModel, embeddedModelFolder } from '../../lib/models/embedded_model.ts';
import { expectRefusal } from '../support/op_case.ts';

const root = mkdtempSync(join(tmpdir(), 'stylear-embedded-'));
afterAll(() => rmSync(root, { recursive: true }));

describe('the embedded model', () => {
  test('is in a folder of the package, which ships it', () => {
    const repository = join(import.meta.dirname, '..', '..');
    expect(embeddedModelFolder()).toBe(join(repository, 'models', 'tiny'));
    const { files } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8'));
    expect(files).toContain('models');
  });

  test('is there when it says what its parts are', () => {
    const folder = join(root, 'models', 'tiny');
    mkdirSync(join(folder, 'references'), { recursive: true });
    const refused = () =>
      expectRefusal(
        () => embeddedModel(root),
        'ERR_WEIGHTS',
        `${folder}: expected the embedded model to be there, got no stylear.json. Name the folder ` +
          'of another model, on the command line by --model or STYLEAR_MODEL.',
      );
    refused();
    writeFileSync(join(folder, 'stylear.json'), '{}');
    expect(embeddedModel(root)).toBe(folder);
  });

  test('is what load opens where nothing is named', async () => {
    await using stylear = await StyleAR.load(undefined, { device: 'cpu' });
    expect(stylear.config.files.transformer.startsWith(embeddedModelFolder())).toBe(true);
  });
});
