import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');
const sources = join(root, 'test/native/ptx_outputs');
const libraries = process.env.STYLEAR_NATIVE_DIR ?? join(root, 'build/Release');
// Needs CMake, which builds native programs.
const program = join(libraries, '../tests/simt_ptx_outputs');

interface Output {
  name: string;
  of: string[];
  kind: 'exact' | 'within';
  words: string[];
}

describe.skipIf(!existsSync(program))('what the emulated instructions make of fixed inputs', () => {
  const folder = mkdtempSync(join(tmpdir(), 'stylear-ptx-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  let first = '';
  let outputs: Output[] = [];

  beforeAll(() => {
    const { stdout, status } = spawnSync(program, ['--json'], {
      encoding: 'utf8',
      maxBuffer: Number.POSITIVE_INFINITY,
    });
    expect(status).toBe(0);
    const [head = '', ...lines] = stdout.trim().split('\n');
    first = head;
    outputs = lines.map((line) => JSON.parse(line));
  });

  /** The comparison of a run with the fixture. */
  function compared(run: readonly Output[]) {
    const path = join(folder, 'run.jsonl');
    writeFileSync(path, [first, ...run.map((output) => JSON.stringify(output))].join('\n'));
    const tool = join(root, 'scripts/ptx_outputs.mjs');
    const { stdout, status } = spawnSync(process.execPath, [tool, path], { encoding: 'utf8' });
    return { said: stdout.trim().split('\n').slice(0, -1), status };
  }

  /** The outputs with one word of one of them raised by `by`, as a number. */
  const altered = (name: string, by: number): Output[] =>
    outputs.map((output) => {
      if (output.name !== name) return output;
      const word = (Number.parseInt(output.words[0] ?? '', 16) + by).toString(16).padStart(8, '0');
      return { ...output, words: [word, ...output.words.slice(1)] };
    });

  test('is what the fixture says', () => {
    expect(compared(outputs)).toEqual({ said: [], status: 0 });
  });

  test('is compared bit by bit where it is exact, listed or hashed', () => {
    expect(compared(altered('ldmatrix_x2', 1))).toEqual({
      said: [expect.stringMatching(/^ldmatrix_x2 differs in 1 of 64 words, first in word 0: /)],
      status: 1,
    });
    const long = 'wgmma_m64n64k16/a_k,b_k/integers';
    expect(compared(altered(long, 1))).toEqual({
      said: [`${long} differs somewhere in 4096 words`],
      status: 1,
    });
  });

  test('is compared within units where it is approximate', () => {
    expect(compared(altered('expf', 3)).status).toBe(0);
    expect(compared(altered('expf', 4)).said).toHaveLength(1);
  });

  test('is missed when it is not there', () => {
    expect(compared(outputs.slice(1)).said).toEqual(['cp_async_16 is missing']);
  });

  const names = (file: string, pattern: RegExp): string[] => {
    const text = readFileSync(join(root, 'native', file), 'utf8');
    return [...new Set([...text.matchAll(pattern)].map(([, name]) => name ?? ''))];
  };
  const wrappers = ['cuda/ptx.h', 'cuda/ptx_sm90.h'].flatMap((file) =>
    // A part of the others, which has no twin.
    names(file, /__device__ __forceinline__ \w+ (\w+)\(/g).filter((x) => x !== 'shared_address'),
  );
  const builtins = names('simt/builtins_math.h', /^(?:inline|__forceinline__) \w+ (\w+)\(/gm);

  test('covers every wrapper of an instruction', () => {
    expect(wrappers.length).toBeGreaterThanOrEqual(23);
    const named = new Set(outputs.flatMap(({ of }) => of));
    expect(wrappers.filter((wrapper) => !named.has(wrapper))).toEqual([]);
    const text = readdirSync(sources)
      .filter((name) => name !== 'on_gpu.cu')
      .map((name) => readFileSync(join(sources, name), 'utf8'))
      .join('');
    const called = (wrapper: string) => new RegExp(`\\bptx::${wrapper}\\b[(<]`).test(text);
    expect(wrappers.filter((wrapper) => !called(wrapper))).toEqual([]);
  });

  test('covers the emulated functions of CUDA C++', () => {
    expect(builtins.length).toBeGreaterThan(40);
    const named = new Set(outputs.flatMap(({ of }) => of));
    expect(builtins.filter((builtin) => !named.has(builtin))).toEqual([]);
  });
});
