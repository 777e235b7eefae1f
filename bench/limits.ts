/** The ceilings of this machine, measured by bench/limits.cc or bench/gpu/limits.cu between our own figures. */

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { performance } from 'node:perf_hooks';

export type Limit = 'fma' | 'bf16' | 'int8' | 'read';

export interface Limits {
  /** GFLOP/s of f32 multiply-adds, of bf16 pair products, GOP/s of int8; GB/s read. 0: not there. */
  measure(limit: Limit, seconds?: number): number;
}

/**
 * The ceilings of a device.
 *
 * @param device   as `openDevice` takes it
 * @param threads  of the CPU
 */
export const limits = (device: string, threads: number, root: string): Limits =>
  device.startsWith('cuda') ? gpuLimits(root) : cpuLimits(threads, root);

/** Compiles the program for this machine, once a run. */
function cpuLimits(threads: number, root: string): Limits {
  const folder = path.join(root, 'build', 'bench');
  mkdirSync(folder, { recursive: true });
  const program = path.join(folder, 'limits');
  const source = path.join(root, 'bench', 'limits.cc');
  const flags = ['-std=c++20', '-O3', '-march=native', '-pthread'];
  execFileSync('c++', [...flags, source, '-o', program], { stdio: 'inherit' });
  return {
    measure: (limit, seconds = 0.4) => run(program, [limit, String(threads), String(seconds)]),
  };
}

/** For how long a ceiling of a GPU holds: nobody shares it, but its clocks follow its temperature. */
const secondsValid = 60;

function gpuLimits(root: string): Limits {
  const program = path.join(root, 'build', 'gpu', 'limits');
  if (!existsSync(program))
    throw new Error(`limits: expected ${program} to be built. Run \`npm run build:gpu\`.`);
  const measured = new Map<Limit, { readonly rate: number; readonly at: number }>();
  return {
    measure(limit, seconds = 0.4) {
      const last = measured.get(limit);
      if (last && performance.now() - last.at < secondsValid * 1e3) return last.rate;
      const rate = run(program, [limit, String(seconds)]);
      measured.set(limit, { rate, at: performance.now() });
      return rate;
    },
  };
}

const run = (program: string, args: readonly string[]): number =>
  Number(execFileSync(program, args, { encoding: 'utf8' }));

/** The repository, found from a compiled bench as well as from its source. */
export function repositoryRoot(): string {
  let folder = import.meta.dirname;
  while (!existsSync(path.join(folder, 'package.json'))) folder = path.dirname(folder);
  return folder;
}
