// Of every op: the same bits from any number of threads, recorded or not.
import { afterAll, describe, test } from 'vitest';
import { type Device, openDevice, scope, Tensor } from '../../lib/index.ts';
import { devicesToTest, onEveryDevice } from '../support/on_every_device.ts';
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

onEveryDevice('a replay gives the bits of a call', (device) => {
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
