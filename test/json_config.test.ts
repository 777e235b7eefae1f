import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { flag, objectOf, pathIn, readJsonConfig, real, someOf, whole } from '../lib/json_config.ts';
import { expectRefusal } from './support/op_case.ts';

const root = mkdtempSync(join(tmpdir(), 'stylear-json-config-'));
afterAll(() => rmSync(root, { recursive: true }));
const file = join(root, 'config.json');
const read = (config: unknown) => {
  writeFileSync(file, typeof config === 'string' ? config : JSON.stringify(config));
  return readJsonConfig(file, (folder) =>
    objectOf({
      files: someOf(pathIn(folder)),
      rate: real(0, 1).default(0.5),
      fast: flag(true),
      sizes: objectOf({ width: whole(1, 8) }).prefault({ width: 2 }),
    }),
  );
};

describe('a config', () => {
  test('has every default in it, and full paths', () => {
    expect(read({ files: ['a', '/b', '../c'] })).toEqual({
      files: [join(root, 'a'), '/b', join(root, '../c')],
      ...{ rate: 0.5, fast: true, sizes: { width: 2 } },
    });
  });

  test.each([
    ['{', 'the config to be readable JSON, got '],
    [[], 'the config to be an object, got []'],
    [{}, 'files to be a list, got nothing'],
    [{ files: [] }, 'files to be at least one, got []'],
    [{ files: ['a', ''] }, 'files.1 to be a path, got ""'],
    [{ files: ['a'], rate: '1' }, 'rate to be a number in [0, 1], got "1"'],
    [{ files: ['a'], rate: 2 }, 'rate to be a number in [0, 1], got 2'],
    [{ files: ['a'], fast: 1 }, 'fast to be true or false, got 1'],
    [{ files: ['a'], sizes: { width: 9 } }, 'sizes.width to be a whole number in [1, 8], got 9'],
    [{ files: ['a'], sizes: 3 }, 'sizes to be an object, got 3'],
    [
      { files: ['a'], x: 1, y: 2 },
      'the config to be without keys that are not known, got "x", "y"',
    ],
    [
      { files: ['a'], sizes: { width: 1, depth: 1 } },
      'sizes to be without keys that are not known, got "depth"',
    ],
  ])('is refused when it is %j', (config, message) => {
    expect(() => read(config)).toThrow(`${file}: expected ${message}`);
  });

  test('may begin with a mark of its byte order', () => {
    expect(read(`\uFEFF${JSON.stringify({ files: ['/a'] })}`)).toMatchObject({ files: ['/a'] });
    expect(() => read('\uFEFF\uFEFF{}')).toThrow('the config to be readable JSON, got ');
  });

  test('that is not there is an error of input', () => {
    const nowhere = join(root, 'none.json');
    expectRefusal(
      () => readJsonConfig(nowhere, () => objectOf({})),
      'ERR_INPUT',
      `${nowhere}: expected the config to be readable JSON, got ENOENT: no such file or directory, ` +
        `open '${nowhere}'`,
    );
  });
});
