/** Files of a run: figures as JSON, and beside them, where there is one, the table. */

import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** What figures were taken with, and when. */
export interface Circumstances {
  readonly date: string;
  readonly commit: string;
  readonly processor: string;
  readonly device: string;
  readonly threads: number;
  readonly node: string;
}

/** @param device  its name */
export function circumstances(root: string, device: string, threads: number): Circumstances {
  return {
    date: new Date().toISOString().slice(0, 10),
    commit: execFileSync('git', ['rev-parse', '--short', 'HEAD'], {
      cwd: root,
      encoding: 'utf8',
    }).trim(),
    processor: os.cpus()[0]?.model ?? 'unknown processor',
    device,
    threads,
    node: process.version,
  };
}

/**
 * Writes bench/results/<name>.json, and .md where there is a table, and says so.
 *
 * @param name  in words, of which a file name is made
 */
export function writeReport(root: string, name: string, report: unknown, markdown?: string): void {
  const slug = name.toLowerCase().replace(/[^a-z0-9]+/g, '-');
  const folder = path.join(root, 'bench', 'results');
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, `${slug}.json`), `${JSON.stringify(report, null, 1)}\n`);
  if (markdown !== undefined) writeFileSync(path.join(folder, `${slug}.md`), `${markdown}\n`);
  console.log(`bench/results/${slug}.${markdown === undefined ? 'json' : 'md'}`);
}
