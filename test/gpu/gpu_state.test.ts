import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { gpuState, usedMiB } from '../support/gpu_state.ts';

describe("what the driver's tool says of a GPU", () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'stylear-smi-'));
  });

  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
  });

  /** A tool that answers with a line. */
  function answers(line: string): void {
    const tool = path.join(folder, 'nvidia-smi');
    writeFileSync(tool, `#!/bin/sh\necho '${line}'\n`);
    chmodSync(tool, 0o755);
    vi.stubEnv('PATH', folder);
  }

  it('is its state, in its words', () => {
    answers('NVIDIA H200, 580.159.03, 143771, 17, 345, 1980, 3201, 3201, 75.06, 28');
    expect(gpuState()).toMatchObject({ name: 'NVIDIA H200', memoryMiB: '143771', usedMiB: '17' });
    expect(usedMiB()).toBe(17);
  });

  it('is unknown where it does not tell', () => {
    answers('NVIDIA GB10, 580.82, [N/A], [N/A], 345, 1980, [N/A], [N/A], 5.06, 28');
    expect(usedMiB()).toBeUndefined();
  });

  it('is why there is none', () => {
    vi.stubEnv('PATH', folder);
    expect(gpuState()).toMatch(/^nvidia-smi: .*ENOENT/);
    expect(usedMiB()).toBeUndefined();
  });
});
