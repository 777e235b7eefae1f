// A program that trains and saves after every step until it is killed. Says which steps it has saved;
// see checkpoint.test.ts.
import { writeSync } from 'node:fs';
import { openDevice } from '../../lib/index.ts';
import { resumeTraining, saveTraining } from '../../lib/train/checkpoint.ts';
import { smallTraining } from './small_training.ts';

const [folder] = process.argv.slice(2) as [string];
const device = await openDevice('cpu', { threads: 1 });
const { training } = smallTraining(device);
resumeTraining(folder, training, { identity: 'small' });
for await (const { step } of training.steps()) {
  await saveTraining(folder, training, { identity: 'small' });
  // Not by way of the event loop: what is said is out before anything else happens.
  writeSync(1, `${step}\n`);
}
