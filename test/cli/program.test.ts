import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { namedModel } from '../../lib/cli/drawing.ts';
import { numberOf } from '../../lib/cli/number_option.ts';
import { program } from '../../lib/cli/program.ts';
import { decodePicture } from '../../lib/image/decode.ts';
import { writeSafetensors } from '../../lib/weights/write_safetensors.ts';

const folder = mkdtempSync(join(tmpdir(), 'stylear-cli-'));
const before = process.exitCode;
afterAll(() => {
  rmSync(folder, { recursive: true });
  process.exitCode = before;
});
const file = join(folder, 'model.safetensors');
const floats = (...values: number[]) => new Uint8Array(Float32Array.from(values).buffer);
await writeSafetensors(
  file,
  new Map([
    ['layer.weight', { dtype: 'F32', shape: [2, 2], elements: () => floats(1, 2, 3, 4.001) }],
    ['layer.bias', { dtype: 'F32', shape: [2], elements: () => floats(0, 0.1) }],
  ]),
);

let printed: string[] = [];
beforeEach(() => {
  printed = [];
  vi.spyOn(console, 'log').mockImplementation((line: string) => void printed.push(line));
});
afterEach(() => vi.restoreAllMocks());

const run = (...args: string[]) => {
  const stylear = program();
  const own = stylear.commands.flatMap((command) => [command, ...command.commands]);
  for (const command of [stylear, ...own]) {
    command.exitOverride().configureOutput({ writeErr: (text) => printed.push(text) });
  }
  return stylear.parseAsync(args, { from: 'user' });
};

describe('stylear', () => {
  test('has a command and a file for each of its uses', () => {
    const names = program().commands.map((command) => command.name());
    const expected = ['check', 'generate', 'batch', 'style', 'verify', 'inspect', 'convert'];
    expect(names).toEqual(expect.arrayContaining(expected));
  });

  test('says what is wrong with a command line', async () => {
    await expect(run('nothing')).rejects.toThrow("unknown command 'nothing'");
    await expect(run('inspect')).rejects.toThrow("missing required argument 'file'");
    await expect(run('convert', file, 'x', '--dtype', 'f64')).rejects.toThrow(
      "'f64' is invalid. Allowed choices are keep, f32, bf16, int8.",
    );
    await expect(run('convert', file, 'x.safetensors', '--max-shard', 'much')).rejects.toThrow(
      "option '--max-shard <gigabytes>' argument 'much' is invalid. Expected a number.",
    );
    await expect(run('convert', file, 'x.safetensors', '--max-shard', '0')).rejects.toThrow(
      'convert: expected --max-shard to be above 0, got 0',
    );
    await expect(run('verify', folder, '--dtype', 'f64')).rejects.toThrow(
      'verify: expected --dtype to be f32 or bf16, got f64',
    );
  });
});

describe('the numbers of options', () => {
  const drawing = ['--model', join(folder, 'no-model'), '--device', 'cpu'];
  const generate = ['generate', '--prompt', 'a', '-o', join(folder, 'x.png'), ...drawing];

  test.each([
    ['--seed <n>', '', 'a number'],
    ['--seed <n>', ' ', 'a number'],
    ['--seed <n>', '-1', 'a whole number from 0 to 9007199254740991'],
    ['--count <n>', 'abc', 'a number'],
    ['--count <n>', '1.5', 'a whole number from 1 to 100000'],
    ['--guidance <s>', 'NaN', 'a number'],
    ['--top-k <n>', '0x10', 'a number'],
    ['--top-p <p>', '5', 'a number above 0, at most 1'],
    ['--min-p <p>', '1', 'a number from 0, below 1'],
    ['--temperature <t>', '1e999', 'a number'],
    ['--noise <g>', '--seed', 'a number'],
    ['--style-strength <s>', '1,5', 'a number'],
    ['--batch <n>', '0', 'a whole number from 1 to 4096'],
    ['--window <n>', 'x', 'a number'],
    ['--window <n>', '65', 'a whole number from 1 to 64 or auto'],
    ['--threads <count>', '', 'a number'],
    ['--cache-gb <gigabytes>', 'Infinity', 'a number'],
  ])('of %s are not %j', async (option, typed, expected) => {
    await expect(run(...generate, option.split(' ')[0]!, typed)).rejects.toThrow(
      `error: option '${option}' argument '${typed}' is invalid. Expected ${expected}.`,
    );
  });

  test('are those that were typed', () => {
    expect(['7', '+.5', '-2.', '1e3'].map(numberOf())).toEqual([7, 0.5, -2, 1000]);
  });

  test('are no more gigabytes than there are', async () => {
    await expect(run(...generate, '--cache-gb', '1e6')).rejects.toThrow(
      /^expected --cache-gb to be above 0, at most the [\d.]+ of this machine, got 1000000$/,
    );
    await expect(run(...generate, '--cache-gb', '0')).rejects.toThrow('got 0');
    await expect(run(...generate, '--cache-gb', '1e-3')).rejects.toThrow('no-model');
  });
});

test('an empty STYLEAR_MODEL names no model', () => {
  vi.stubEnv('STYLEAR_MODEL', '');
  expect(namedModel({})).toBeUndefined();
  vi.stubEnv('STYLEAR_MODEL', 'a');
  expect(namedModel({})).toBe('a');
  expect(namedModel({ model: 'b' })).toBe('b');
  vi.unstubAllEnvs();
});

describe('stylear world', () => {
  test('writes the sheet that was asked for, and says what is on it', async () => {
    const output = join(folder, 'sheet.png');
    await run('world', 'sheet', 'pairs', '--size', '16', '--seed', '2', '--captions', '-o', output);
    expect(process.exitCode).toBe(0);
    expect(await decodePicture(output)).toMatchObject({ width: 146, height: 218 });
    expect(printed).toHaveLength(12);
    expect(printed[0]!.split(' | ')).toHaveLength(8);
  });

  test('says which sheets there are', async () => {
    await expect(run('world', 'sheet', '-o', 'x.png')).rejects.toThrow(
      "missing required argument 'kind'",
    );
    await expect(run('world', 'sheet', 'cats', '-o', 'x.png')).rejects.toThrow(
      'Allowed choices are subjects, styles, pairs, raw.',
    );
    const ending = ['world', 'sheet', 'pairs', '--size', '16', '-o', join(folder, 'sheet.txt')];
    await expect(run(...ending)).rejects.toThrow('expected its end to be one of .png');
  });
});

describe('stylear inspect', () => {
  test('prints a line per tensor in order of their places', async () => {
    await run('inspect', file);
    expect(process.exitCode).toBe(0);
    expect(printed).toEqual([
      `${file}: dtype, offset, bytes, name and shape`,
      expect.stringMatching(/^ {2}F32 {2}\d+ {3}8 {2}layer\.bias \[2\]$/),
      expect.stringMatching(/^ {2}F32 {2}\d+ {2}16 {2}layer\.weight \[2, 2\]$/),
      '2 tensors, 6 values, 24 bytes',
    ]);
  });

  test('prints the same as JSON', async () => {
    await run('inspect', '--json', file);
    const inspected = JSON.parse(printed.join('\n'));
    expect(inspected).toMatchObject({ files: [file], parameters: 6, bytes: 24 });
    expect(inspected.tensors[1]).toMatchObject({
      name: 'layer.weight',
      dtype: 'F32',
      shape: [2, 2],
      bytes: 16,
      file,
    });
  });

  test('says what is wrong with a file', async () => {
    await expect(run('inspect', join(folder, 'none.pth'))).rejects.toMatchObject({
      code: 'ERR_WEIGHTS',
      message: expect.stringContaining('none.pth: expected the file to be readable, got ENOENT'),
    });
  });
});

describe('stylear convert', () => {
  test('prints what each tensor lost, and what was written', async () => {
    const output = join(folder, 'half.safetensors');
    await run('convert', file, output, '--dtype', 'bf16');
    expect(printed).toEqual([
      'F32 -> BF16  max error 9.77e-5, relative 9.77e-4  layer.bias [2]',
      'F32 -> BF16  max error 1.00e-3, relative 1.83e-4  layer.weight [2, 2]',
      output,
      expect.stringMatching(/^2 tensors, 12 bytes in \d+\.\d s, relative error at most 9\.77e-4$/),
    ]);
  });

  test('prints the same as JSON, and makes shards', async () => {
    const output = join(folder, 'parts.safetensors');
    await run('convert', file, output, '--max-shard', '1e-8', '--json');
    const summary = JSON.parse(printed.at(-1)!);
    expect(summary).toMatchObject({ tensors: 2, bytes: 24, worstRelativeRms: 0 });
    expect(summary.files).toHaveLength(3);
    await run('inspect', `${output}.index.json`);
    expect(printed.at(-1)).toBe('2 tensors, 6 values, 24 bytes');
  });

  test('says when nothing changed', async () => {
    await run('convert', file, join(folder, 'copy.safetensors'));
    expect(printed.at(-1)).toMatch(/ s, no value changed$/);
  });
});
