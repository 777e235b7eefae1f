// A program that saves the same checkpoint again and again until it is killed: step after step, each
// with all its values equal to the step. Says so after each save; see killed_saves.ts.
import { writeSync } from 'node:fs';
import { type TensorToWrite, writeSafetensors } from '../../lib/weights/write_safetensors.ts';

const [path, first] = process.argv.slice(2) as [string, string];

/** Pieces of many sizes, so that a kill can come between any two writes. */
function* pieces(step: number, count: number): Generator<Uint8Array> {
  const values = new Int32Array(count).fill(step);
  const bytes = new Uint8Array(values.buffer);
  for (let at = 0, size = 4; at < bytes.length; at += size, size = 4 * (1 + (size % 40009))) {
    yield bytes.subarray(at, at + size);
  }
}

for (let step = Number(first); ; step++) {
  const tensor = (count: number): TensorToWrite => ({
    dtype: 'I32',
    shape: [count],
    elements: () => pieces(step, count),
  });
  const tensors = new Map([1, 1000, 300_000].map((count) => [`x${count}`, tensor(count)]));
  await writeSafetensors(path, tensors, { step: `${step}` });
  // Not by way of the event loop: what is said is out before anything else happens.
  writeSync(1, `${step}\n`);
}
