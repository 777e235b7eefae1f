import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listDevices } from '../../lib/index.ts';
import { builtCli } from '../support/built_cli.ts';

const device = 'simt_cuda';
const there = listDevices().some(({ name }) => name === device);
const script = path.join(import.meta.dirname, '../../scripts/find_cublaslt.mjs');

/** Functions of the interface that `found` algorithms are reported by; multiplying does nothing. */
const library = (found: number) => `
  #define NOTHING(name) int cublasLt##name(void) { return 0; }
  NOTHING(Create) NOTHING(Destroy) NOTHING(Matmul)
  NOTHING(MatmulDescCreate) NOTHING(MatmulDescSetAttribute) NOTHING(MatmulDescDestroy)
  NOTHING(MatrixLayoutCreate) NOTHING(MatrixLayoutDestroy)
  NOTHING(MatmulPreferenceCreate) NOTHING(MatmulPreferenceSetAttribute)
  NOTHING(MatmulPreferenceDestroy)
  int cublasLtMatmulAlgoGetHeuristic(void* handle, void* description, void* a, void* b, void* c,
                                     void* d, void* preference, int asked, void* way, int* count) {
    *count = ${found};
    return 0;
  }`;

describe.skipIf(!there)('the cuBLASLt that is named for a GPU', () => {
  let top: string;

  beforeAll(() => {
    builtCli();
    top = realpathSync(mkdtempSync(path.join(tmpdir(), 'stylear-cublaslt-')));
    for (const [file, found] of Object.entries({ 'leaves/12': 0, 'wrong/13': 1 }))
      compile(path.join(top, path.dirname(file)), path.basename(file), found);
    mkdirSync(path.join(top, 'text'));
    writeFileSync(path.join(top, 'text', 'libcublasLt.so.14'), 'no library');
  }, 120_000);

  afterAll(() => rmSync(top, { recursive: true }));

  function compile(folder: string, version: string, found: number): void {
    mkdirSync(folder, { recursive: true });
    const file = path.join(folder, `libcublasLt.so.${version}`);
    const args = ['-x', 'c', '-shared', '-fPIC', '-o', file, '-'];
    execFileSync('cc', args, { input: library(found) });
  }

  function find(folders: readonly string[], env: NodeJS.ProcessEnv = {}) {
    const where = folders.flatMap((folder) => ['--in', path.join(top, folder)]);
    const { stdout, stderr } = spawnSync(process.execPath, [script, '--device', device, ...where], {
      encoding: 'utf8',
      env: { ...process.env, STYLEAR_CUBLASLT: '', ...env },
    });
    return { named: stdout.trim(), said: stderr.trim() };
  }

  it('is the newest that loads and multiplies rightly', () => {
    const { named, said } = find(['.']);
    expect(named).toBe(path.join(top, 'leaves', 'libcublasLt.so.12'));
    expect(said).toBe(`cuBLASLt: ${named}, which is not the system's: large products are its`);
  });

  it('is none where no file serves, and why is said', () => {
    const { named, said } = find(['text', 'wrong']);
    expect(named).toBe('');
    expect(said).toMatch(
      /^cuBLASLt: none: .*text.libcublasLt.so.14 \(.*file too short.*\), .*wrong/,
    );
    expect(said).toMatch(/in row \d+ of a product/);
  });

  it('is left to the system where that has one, and to whom it was named by', () => {
    const file = path.join(top, 'leaves', 'libcublasLt.so.12');
    const LD_PRELOAD = [process.env.LD_PRELOAD, file].filter(Boolean).join(':'); // and a sanitizer
    expect(find(['.'], { LD_PRELOAD })).toMatchObject({
      named: '',
      said: `cuBLASLt: the system's, ${file}: large products are its`,
    });
    expect(find(['.'], { STYLEAR_CUBLASLT: 'none' }).named).toBe('');
  });
});
