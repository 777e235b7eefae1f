/**
 * `npm run fuzz`: every reader under damaged files for a while, then kills amid saves.
 *
 *   --seconds n   for each reader, 100 unless told; its formats share them. A compiled reader that is
 *                 fuzzed at 50,000 inputs a second gets through 5 million meanwhile.
 *   --kills n     1,000 unless told
 *   --only name   one reader, or `saves` for the kills
 *   --seed n      of all draws; 1 unless told
 *   --keep        write what came of it to bench/results/fuzz-[name-]<date>.json
 *
 * One process, of which the saves that are killed are children.
 */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fuzz } from '../test/hostile_files/fuzz.ts';
import { readerTargets } from '../test/hostile_files/targets.ts';
import { uniform } from '../test/support/numbers.ts';
import { type KilledSaves, killSaves } from '../test/weights/killed_saves.ts';
import { repositoryRoot } from './limits.ts';
import { programOptions } from './options.ts';

const { values } = programOptions(import.meta.filename, {
  options: {
    seconds: { type: 'string', default: '100' },
    kills: { type: 'string', default: '1000' },
    only: { type: 'string' },
    seed: { type: 'string', default: '1' },
    keep: { type: 'boolean', default: false },
  },
});
const seed = Number(values.seed);

function fuzzReaders() {
  const { targets, close } = readerTargets();
  const chosen = targets.filter(
    ({ reader }) => values.only === undefined || reader === values.only,
  );
  if (chosen.length === 0) {
    const readers = [...new Set(targets.map(({ reader }) => reader))].join(', ');
    throw new Error(`fuzz: expected --only to be one of ${readers}, saves, got ${values.only}`);
  }
  try {
    return chosen.map((target) => {
      const formats = chosen.filter(({ reader }) => reader === target.reader).length;
      const end = performance.now() + (1000 * Number(values.seconds)) / formats;
      const came = fuzz(target, seed, () => performance.now() >= end);
      const perSecond = Math.round(came.inputs / came.seconds);
      const { inputs, refused, slowestMs, mostBuffers, mostHeap } = came;
      const ofInput = Math.max(...target.seeds.map((file) => file.length));
      console.log(
        `${target.reader}: ${target.name}: ${inputs} inputs, ${perSecond} a second, ${refused} refused; ` +
          `of files of some ${ofInput} bytes the slowest took ${slowestMs.toFixed(1)} ms, ` +
          `${mostBuffers} bytes of buffers and ${mostHeap} of objects were the most`,
      );
      return { reader: target.reader, format: target.name, perSecond, ...came };
    });
  } finally {
    close();
  }
}

async function killWriters(): Promise<KilledSaves> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'stylear-killed-'));
  try {
    const program = path.join(import.meta.dirname, '../test/weights/save_forever.js');
    const checkpoint = path.join(folder, 'x.safetensors');
    const most = Number(values.kills);
    const came = await killSaves(program, checkpoint, uniform(seed), (kills) => kills === most);
    console.log(
      `saves: ${came.kills} kills, ${came.within} of them within a save, ${came.saves} saves finished; ` +
        'each left a whole checkpoint, none older than the last save',
    );
    return came;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const readers = values.only === 'saves' ? [] : fuzzReaders();
const kills = [undefined, 'saves'].includes(values.only) ? await killWriters() : undefined;
if (values.keep) {
  const date = new Date().toISOString().slice(0, 10);
  const folder = path.join(repositoryRoot(), 'bench/results');
  mkdirSync(folder, { recursive: true });
  const about = { date, processor: os.cpus()[0]?.model, node: process.version, seed };
  const name = ['fuzz', values.only?.replaceAll(' ', '-'), date].filter(Boolean).join('-');
  const file = path.join(folder, `${name}.json`);
  writeFileSync(file, `${JSON.stringify({ ...about, readers, kills }, undefined, 2)}\n`);
  console.log(file);
}
