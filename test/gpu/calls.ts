/**
 * Calls of every op on one device and on another, compared. For a machine that has a GPU and little
 * time; what an op should compute is tested in test/ops.
 *
 *   node calls.js [--device cuda] [--against cpu] [--sizes small|large] [--rounds n] [--seconds s]
 *
 * `small` are the calls of test/ops/cases.ts, `large` those of large_calls.ts, each round with other
 * sizes. No call begins after `--seconds`; how many that left out is said. Exits with 1 when two devices
 * disagree or a call throws.
 */

import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';

import { type Device, openDevice } from '../../lib/index.ts';
import { casesOf } from '../ops/cases.ts';
import { agreementOf } from './agreement.ts';
import { type LargeCall, largeCalls } from './large_calls.ts';
import { resultsOf } from './results_of.ts';

/** Prints a line. @returns whether all results agree */
async function compare(call: LargeCall, device: Device, against: Device): Promise<boolean> {
  let words: string;
  let agrees = true;
  try {
    const [actual, expected] = await Promise.all([
      resultsOf(device, call),
      resultsOf(against, call),
    ]);
    const found = expected.map((one, i) => {
      const agreement = agreementOf(actual[i]!.values, one.values, one.kind);
      if (!agreement.agrees) agrees = false;
      return one.kind === 'integers'
        ? `${(100 * agreement.unequal).toFixed(2)} % unequal`
        : agreement.difference.toExponential(1);
    });
    words = found.join(', ');
  } catch (error) {
    agrees = false;
    words = (error as Error).message;
  }
  console.log(`${agrees ? 'ok    ' : 'FAILED'}  ${call.name}  ${words}`);
  return agrees;
}

function* callsOf(sizes: string, rounds: number): Generator<LargeCall> {
  for (let round = 0; round < rounds; round++) {
    if (sizes === 'large') yield* largeCalls(round);
    else {
      // Shapes a little and far beyond one tile; those with most edges first.
      const n = [7, 40, 1, 2][round % 4]!;
      for (const [op, call] of Object.entries(casesOf(n)))
        yield { name: `${op}, size ${n}`, ...call };
    }
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      device: { type: 'string', default: 'cuda' },
      against: { type: 'string', default: 'cpu' },
      sizes: { type: 'string', default: 'small' },
      rounds: { type: 'string', default: '1' },
      seconds: { type: 'string', default: '600' },
    },
  });
  if (values.sizes !== 'small' && values.sizes !== 'large')
    throw new Error(`calls: expected --sizes to be small or large, got ${values.sizes}`);
  await using device = await openDevice(values.device);
  await using against = await openDevice(values.against);
  console.log(`${device.name} against ${against.name}`);
  const end = performance.now() + 1e3 * Number(values.seconds);
  let [passed, failed, left] = [0, 0, 0];
  for (const call of callsOf(values.sizes, Number(values.rounds))) {
    if (performance.now() > end) left++;
    else if (await compare(call, device, against)) passed++;
    else failed++;
  }
  console.log(`${passed} passed, ${failed} failed, ${left} left out for lack of time`);
  process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
}

await main();
