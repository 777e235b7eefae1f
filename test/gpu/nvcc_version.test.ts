// What is built with a CUDA compiler that is too old.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';

const root = path.join(import.meta.dirname, '../..');
const hasCMake = spawnSync('cmake', ['--version']).status === 0;

describe.skipIf(!hasCMake)('an nvcc', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'stylear-nvcc-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  /** Configures a build with one that says it is of this release. */
  const configure = (release: string, cuda: string) => {
    const nvcc = path.join(folder, `nvcc-${release}`);
    const says = `Cuda compilation tools, release ${release}, V${release}.1`;
    writeFileSync(nvcc, `#!/bin/sh\necho "${says}"\n`, { mode: 0o755 });
    const build = path.join(folder, `${release}-${cuda}`);
    const args = ['-S', root, '-B', build, `-DSTYLEAR_CUDA=${cuda}`];
    const env = { ...process.env, CUDACXX: nvcc };
    const { status, stderr } = spawnSync('cmake', args, { env, encoding: 'utf8' });
    return { status, stderr: stderr.replace(/\s+/g, ' '), nvcc };
  };

  test('that is too old is refused where CUDA is asked for', () => {
    const { status, stderr, nvcc } = configure('11.8', 'on');
    expect(status).not.toBe(0);
    expect(stderr).toContain(`stylear: expected nvcc 12.5 or newer, got 11.8 (${nvcc})`);
  });

  test('that is too old leaves the other devices to be built', () => {
    expect(configure('12.4', 'auto').status).toBe(0);
  });

  test('that is new enough is taken: CMake goes on to try it', () => {
    const { stderr } = configure('12.10', 'on');
    expect(stderr).not.toContain('expected nvcc');
    expect(stderr).toMatch(/CMake Error.*CUDA/);
  });
});
