import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { openFile } from '../../lib/weights/byte_source.ts';
import { decode } from '../../lib/weights/element_values.ts';
import { readSafetensors } from '../../lib/weights/safetensors.ts';
import { readElements } from '../../lib/weights/stored_tensor.ts';

/** What came of a checkpoint whose writer was killed. */
export interface KilledSaves {
  readonly kills: number;
  /** Saves that were finished before a kill. */
  readonly saves: number;
  /** Kills that left a part of a new file beside the old one: they came within a save. */
  readonly within: number;
}

/**
 * Kills a program amid its saves, again and again, and reads what it leaves. Each time that must be a
 * whole checkpoint, all of one step, not older than the last save that the program said was done.
 *
 * Throws when it is not.
 *
 * @param program  the JavaScript of save_forever.ts
 * @param path     of the checkpoint, in a folder of its own
 * @param next     draws in [0, 1)
 * @param stop     is asked before each kill, with their count
 */
export async function killSaves(
  program: string,
  path: string,
  next: () => number,
  stop: (kills: number) => boolean,
): Promise<KilledSaves> {
  let [kills, saves, within, last] = [0, 0, 0, 0];
  for (; !stop(kills); kills++) {
    const child = spawn(process.execPath, [program, path, `${last + 1}`], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let said = '';
    child.stdout.on('data', (data) => {
      said += data;
    });
    // The first save at least; after it at a moment of some ten saves.
    await once(child.stdout, 'data');
    await new Promise((resolve) => setTimeout(resolve, 60 * next()));
    child.kill('SIGKILL');
    const [, signal] = await once(child, 'close');
    if (signal !== 'SIGKILL') throw new Error(`${program}: ended by itself`);
    const done = said.trimEnd().split('\n').map(Number);
    const step = stepOf(path);
    if (step < done.at(-1)!) throw new Error(`step ${step} after step ${done.at(-1)} was saved`);
    saves += done.length;
    last = step;
    within += removeParts(path);
  }
  return { kills, saves, within };
}

/** Of all its values. Throws when it is no checkpoint, or of two steps. */
function stepOf(path: string): number {
  using source = openFile(path);
  const { tensors, metadata } = readSafetensors(source);
  const step = Number(metadata.get('step'));
  if (tensors.size !== 3) throw new Error(`${path}: ${tensors.size} tensors`);
  for (const [name, stored] of tensors) {
    const values = decode(stored.dtype, readElements(source, stored))!;
    if (`x${values.length}` !== name || values.some((value) => value !== step)) {
      throw new Error(`${path}: ${name} is not all of step ${step}`);
    }
  }
  return step;
}

function removeParts(path: string): number {
  const folder = dirname(path);
  const parts = readdirSync(folder).filter((name) => name.endsWith('.tmp'));
  for (const part of parts) rmSync(join(folder, part));
  return parts.length;
}
