// Values that only the device sees, such as ids out of range: they stop its queue, and every later
// read says which argument of which op was wrong.
import { expect, test } from 'vitest';
import {
  attention,
  crossEntropy,
  type Device,
  gather,
  openDevice,
  pagedAttention,
  qkNormRopeCache,
  sample,
  scope,
  type Tensor,
} from '../../lib/index.ts';
import { given } from '../support/numbers.ts';
import { onEveryHostSide } from '../support/on_every_device.ts';
import { upload } from '../support/op_case.ts';

const ints = (device: Device, values: readonly number[], shape?: readonly number[]) =>
  upload(device, given(values, shape));
const cacheOf = (device: Device, pages: readonly number[]) => ({
  kPages: device.zeros([2, 1, 4, 8]),
  vPages: device.zeros([2, 1, 4, 8]),
  table: ints(device, pages, [1, pages.length]),
});

const sampled = (
  device: Device,
  range: readonly number[],
  topK: number,
  [temperature, topP, minP] = [1, 1, 0],
) =>
  sample(device.zeros([1, 5]), {
    range: ints(device, range, [1, 2]),
    topK: ints(device, [topK]),
    settings: upload(device, given([1, temperature!, topP!, minP!], [1, 4], 'f32')),
    seeds: ints(device, [1, 2], [1, 2]),
    positions: ints(device, [0]),
  }).tokens;

const cached = (device: Device, position: number, pages: readonly number[]) => {
  const [q, k, v] = [1, 2, 3].map(() => device.zeros([1, 1, 1, 8]));
  const positions = ints(device, [position], [1, 1]);
  return qkNormRopeCache(q!, k!, v!, cacheOf(device, pages), { positions });
};

const attended = (device: Device, length: number) => {
  const [q, k, v] = [1, 2, 3].map(() => device.zeros([1, 2, 1, 8]));
  return attention(q!, k!, v!, { lengths: ints(device, [length]) });
};

const paged = (device: Device, length: number, pages: readonly number[]) =>
  pagedAttention(device.zeros([1, 1, 1, 8]), cacheOf(device, pages), ints(device, [length]));

const nan = Number.NaN;
const settings =
  (...given: [temperature: number, topP: number, minP: number]) =>
  (device: Device) =>
    sampled(device, [0, 5], 0, given);

const faults: readonly (readonly [string, RegExp, (device: Device) => Tensor])[] = [
  ['an id', /^embedding: .*ids/, (d) => gather(d.zeros([3, 4]), ints(d, [0, 3]))],
  ['a negative id', /^embedding: .*ids/, (d) => gather(d.zeros([3, 4]), ints(d, [-1]))],
  ['a label', /^cross_entropy: .*labels/, (d) => crossEntropy(d.zeros([2, 3]), ints(d, [0, 3]))],
  ['a range past the columns', /^sample: .*range/, (d) => sampled(d, [0, 6], 0)],
  ['an empty range', /^sample: .*range/, (d) => sampled(d, [2, 2], 0)],
  ['a top-k', /^sample: .*topK/, (d) => sampled(d, [0, 5], -1)],
  ['a temperature', /^sample: .*temperature.* 0 or more, got -1/, settings(-1, 1, 0)],
  ['a temperature that is no number', /^sample: .*temperature.*got -?nan/, settings(nan, 1, 0)],
  ['a top-p of nothing', /^sample: .*top-p.* in \(0, 1\], got 0/, settings(1, 0, 0)],
  ['a top-p above all', /^sample: .*top-p.* in \(0, 1\], got 1.5/, settings(1, 1.5, 0)],
  ['a top-p that is no number', /^sample: .*top-p.*got -?nan/, settings(1, nan, 0)],
  ['a min-p of all', /^sample: .*min-p.* in \[0, 1\), got 1/, settings(1, 1, 1)],
  ['a min-p that is no number', /^sample: .*min-p.*got -?nan/, settings(1, 1, nan)],
  ['a length', /^attention: .*kLengths/, (d) => attended(d, 3)],
  ['a length of a cache', /^paged_attention: .*lengths/, (d) => paged(d, 9, [0, 1])],
  ['a page', /^paged_attention: .*(table|page)/, (d) => paged(d, 5, [0, 2])],
  ['a cache position', /^qk_norm_rope_cache: .*cachePositions/, (d) => cached(d, 8, [0, 1])],
  ['a page that is written', /^qk_norm_rope_cache: .*(table|page)/, (d) => cached(d, 5, [0, 2])],
];

onEveryHostSide('data out of range', (_, kind) => {
  test.each(faults)('%s is reported by every later read', async (_, message, call) => {
    const device = await openDevice(kind); // of its own, since it does no more work after this
    const [wrong, fine] = scope(() => [call(device), device.zeros([2])]);
    const error = { code: 'ERR_VALUE', message: expect.stringMatching(message) };
    await expect(wrong!.read()).rejects.toMatchObject(error);
    await expect(fine!.read()).rejects.toMatchObject(error);
    await device.close();
  });
});
