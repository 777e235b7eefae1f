// What a kernel computes on the emulated GPU must not depend on the order in which threads take their
// turns, nor on when asynchronous copies arrive. A missing barrier usually shows here.
import { afterEach, describe, test } from 'vitest';
import { openDevice, scope, Tensor } from '../../lib/index.ts';
import { devicesToTest } from '../support/on_every_device.ts';
import { expectSameBits, take, upload } from '../support/op_case.ts';
import { type Call, cases } from './cases.ts';

const schedules = [
  { order: 'forward', async: 'late' },
  { order: 'reverse', async: 'early' },
  { order: 'random', async: 'random', seed: '1' },
  { order: 'random', async: 'late', seed: '2' },
];

/** What a call computes on a device opened under a schedule. */
async function results(schedule: object, { inputs, run }: Call): Promise<Float64Array[]> {
  for (const [name, value] of Object.entries(schedule))
    process.env[`STYLEAR_SIMT_${name.toUpperCase()}`] = value;
  const device = await openDevice('simt');
  const made = scope(() => {
    const made = run(...inputs.map((one) => upload(device, one)));
    return made instanceof Tensor ? [made] : made;
  });
  const values = await Promise.all(made.map(take));
  await device.close();
  return values;
}

describe.runIf(devicesToTest().includes('simt'))(
  'any schedule gives the same bits on simt:',
  () => {
    afterEach(() => {
      for (const name of ['ORDER', 'ASYNC', 'SEED']) delete process.env[`STYLEAR_SIMT_${name}`];
    });

    test.each(Object.entries(cases))('%s', async (_, call) => {
      const expected = await results(schedules[0]!, call);
      for (const schedule of schedules.slice(1))
        expectSameBits(await results(schedule, call), expected, JSON.stringify(schedule));
    });
  },
);
