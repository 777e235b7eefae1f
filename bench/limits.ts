/** The ceilings of this machine, measured by bench/limits.cc between our own figures. */

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';

export type Limit = 'fma' | 'bf16' | 'int8' | 'read';

export interface Limits {
  /** GFLOP/s of f32 multiply-adds, of bf16 pair products, GOP/s of int8; GB/s read. 0: not there. */
  measure(limit: Limit, seconds?: number): number;
}

/** Compiles the program for this machine, once a run. */
export function limits(threads: number, root: string): Limits {
  const folder = path.join(root, 'build', 'bench');
  mkdirSync(folder, { recursive: true });
  const program = path.join(folder, 'limits');
  const source = path.join(root, 'bench', 'limits.cc');
  const flags = ['-std=c++20', '-O3', '-march=native', '-pthread'];
  execFileSync('c++', [...flags, source, '-o', program], { stdio: 'inherit' });
  return {
    measure: (limit, seconds = 0.4) =>
      Number(
        execFileSync(program, [limit, String(threads), String(seconds)], { encoding: 'utf8' }),
      ),
  };
}

/** The repository, found from a compiled bench as well as from its source. */
export function repositoryRoot(): string {
  let folder = import.meta.dirname;
  while (!existsSync(path.join(folder, 'package.json'))) folder = path.dirname(folder);
  return folder;
}
