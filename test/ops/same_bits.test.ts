// Of every op: the same bits from any number of threads, in any order of an emulated GPU's threads,
// recorded or not.
import { afterAll, describe, test } from 'vitest';
import { type Device, openDevice, scope, Tensor } from '../../lib/index.ts';
import { devicesToTest, onEveryHostSide } from '../support/on_every_device.ts';
import { expectSameBits, take, upload } from '../support/op_case.ts';
import { type Call, casesOf } from './cases.ts';

const small = Object.entries(casesOf(1));
const large = Object.entries(casesOf(6));
const several = (made: Tensor | readonly Tensor[]) => (made instanceof Tensor ? [made] : made);

/** Every result of a call, read back. */
async function results(device: Device, { inputs, run }: Call): Promise<Float64Array[]> {
  const made = scope(() => several(run(...inputs.map((one) => upload(device, one)))));
  return Promise.all(made.map(take));
}

// Of the devices only the CPU shares an op among threads.
describe.each(devicesToTest().filter((kind) => kind.startsWith('cpu')))(
  'any number of threads gives the same bits on %s:',
  async (kind) => {
    const devices = await Promise.all(
      [1, 2, 3, 4, 8].map((threads) => openDevice(kind, { threads })),
    );
    afterAll(() => Promise.all(devices.map((device) => device.close())));

    test.each(large)('%s', async (_, call) => {
      const [one, ...others] = await Promise.all(devices.map((device) => results(device, call)));
      others.forEach((other) => {
        expectSameBits(other, one!);
      });
    });
  },
);

// A missing barrier usually shows in another order, a missing wait when copies arrive late.
describe.each(devicesToTest().filter((kind) => kind === 'simt'))(
  'any schedule gives the same bits on %s:',
  (kind) => {
    const schedules = [
      { order: 'forward', async: 'late' },
      { order: 'reverse', async: 'early' },
      { order: 'random', async: 'random', seed: '1' },
      { order: 'random', async: 'late', seed: '2' },
    ];
    /** What a call computes on a device that is opened under a schedule. */
    async function under(schedule: Readonly<Record<string, string>>, call: Call) {
      const variables = Object.keys(schedule).map((name) => `STYLEAR_SIMT_${name.toUpperCase()}`);
      Object.values(schedule).forEach((value, i) => {
        process.env[variables[i]!] = value;
      });
      const device = await openDevice(kind);
      for (const name of variables) delete process.env[name];
      const values = await results(device, call);
      await device.close();
      return values;
    }

    test.each(small)('%s', async (_, call) => {
      const expected = await under(schedules[0]!, call);
      for (const schedule of schedules.slice(1))
        expectSameBits(await under(schedule, call), expected, JSON.stringify(schedule));
    });
  },
);

onEveryHostSide('a replay gives the bits of a call', (device) => {
  test.each(small)('%s', async (_, call) => {
    const expected = await results(device, call);
    const tensors = call.inputs.map((one) => upload(device, one));
    const graph = device.record(() => several(call.run(...tensors)));
    graph.replay();
    const replayed = await Promise.all(graph.result.map(take));
    graph.dispose();
    for (const tensor of tensors) tensor.dispose();
    expectSameBits(replayed, expected);
  });
});
