// Samples that are made part by part, so that who is stopped goes on with the part that is not whole.
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { requireIdentity } from '../identity.ts';
import { makeFolder } from '../make_folder.ts';
import { replaceFile } from '../replace_file.ts';
import type { Sample } from './shards.ts';
import { writeSampleShards } from './write_shards.ts';

/** What is made in parts, and how it is stopped and watched. */
export interface MakePartsOptions {
  /** Of what the samples are made, counted over all parts. */
  readonly total: number;
  /** Of these in one part, at least 1; the last may have fewer. */
  readonly partSize: number;
  /** What is made of what, such as the JSON of a config: parts of another one are not gone on with. */
  readonly identity: string;
  readonly signal?: AbortSignal | undefined;
  /** @param done  how much of `total` is */
  readonly onProgress?: ((done: number) => void) | undefined;
}

/**
 * Makes the samples of each part that the folder does not have yet. Each part is whole or not there,
 * whatever interrupts it, and depends on nothing but its place: so a run that was stopped leaves the
 * bytes of one without a break.
 *
 * Throws `ERR_INPUT` when the folder is of another identity, and with the reason of the signal.
 *
 * @param make  the samples that come of those from `begin` up to `end`: as many, or fewer
 * @returns     the indices of the parts, as `Shards.open` takes them
 */
export async function makeParts(
  folder: string,
  { total, partSize, identity, signal, onProgress }: MakePartsOptions,
  make: (begin: number, end: number) => AsyncIterable<Sample>,
): Promise<string[]> {
  makeFolder(folder);
  await keepIdentity(folder, identity);
  // What was being written when an earlier run was killed.
  for (const name of readdirSync(folder))
    if (name.endsWith('.tmp')) rmSync(join(folder, name), { force: true });
  const indices: string[] = [];
  for (let begin = 0; begin < total; begin += partSize) {
    const end = Math.min(begin + partSize, total);
    const stem = join(folder, `part-${`${indices.length}`.padStart(5, '0')}`);
    const index = `${stem}.index.json`;
    indices.push(index);
    if (!existsSync(index)) await writeSampleShards(stem, until(signal, make(begin, end)));
    onProgress?.(end);
  }
  return indices;
}

async function keepIdentity(folder: string, identity: string): Promise<void> {
  const path = join(folder, 'identity.json');
  if (!existsSync(path)) {
    await replaceFile(path, 'ERR_INPUT', (write) => write(Buffer.from(identity)));
    return;
  }
  const advice = 'Remove the folder, or write to another output.';
  requireIdentity(folder, readFileSync(path, 'utf8'), identity, advice);
}

async function* until(
  signal: AbortSignal | undefined,
  samples: AsyncIterable<Sample>,
): AsyncGenerator<Sample> {
  signal?.throwIfAborted();
  for await (const sample of samples) {
    yield sample;
    signal?.throwIfAborted();
  }
}
