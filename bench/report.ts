/** Files of a run: figures as JSON, and beside them, where there is one, the table. */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { type GpuState, gpuState } from '../test/support/gpu_state.ts';

/** What figures were taken with, and when. */
export interface Circumstances {
  readonly date: string;
  readonly commit: string;
  readonly processor: string;
  readonly device: string;
  readonly threads: number;
  readonly node: string;
  /** Of a device that is a GPU. */
  readonly gpu?: GpuState | string;
}

/**
 * What the package was made from: the commit of the checkout, or the one that a bundle names
 * (scripts/bundle_gpu.mjs), where there is no repository here or no git that reads it.
 */
export function commitOf(root: string): string {
  const args = ['rev-parse', '--short', 'HEAD'];
  const git = () => spawnSync('git', args, { cwd: root, encoding: 'utf8' });
  const found = existsSync(path.join(root, '.git')) ? git() : undefined;
  if (found?.status === 0) return found.stdout.trim();
  const named = path.join(root, 'build', 'commit');
  return existsSync(named) ? readFileSync(named, 'utf8').trim() : 'unknown commit';
}

/** @param device  its name */
export function circumstances(root: string, device: string, threads: number): Circumstances {
  return {
    date: new Date().toISOString().slice(0, 10),
    commit: commitOf(root),
    processor: os.cpus()[0]?.model ?? 'unknown processor',
    device,
    threads,
    node: process.version,
    ...(device.startsWith('cuda') && { gpu: gpuState() }),
  };
}

/**
 * Writes bench/results/<name>.json, and .md where there is a table, and says so; STYLEAR_RESULTS names
 * another folder.
 *
 * @param name  in words, of which a file name is made
 */
export function writeReport(root: string, name: string, report: unknown, markdown?: string): void {
  const slug = name.toLowerCase().replace(/[^a-z0-9]+/g, '-');
  const folder = process.env.STYLEAR_RESULTS ?? path.join(root, 'bench', 'results');
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, `${slug}.json`), `${JSON.stringify(report, null, 1)}\n`);
  if (markdown !== undefined) writeFileSync(path.join(folder, `${slug}.md`), `${markdown}\n`);
  const shown = path.relative(process.cwd(), path.join(folder, slug));
  console.log(`${shown}.${markdown === undefined ? 'json' : 'md'}`);
}
