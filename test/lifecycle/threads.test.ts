// JavaScript threads come and go. STYLEAR_TEST_ROUNDS=1000 for the long run.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { uniform } from '../support/numbers.ts';
import { sanitizer } from '../support/sanitizer.ts';
import { hosts, prelude, startThread, threadData } from './native_worker.ts';

const rounds = Number(process.env.STYLEAR_TEST_ROUNDS ?? 40);

/** Keeps a device busy with large and small work, and reads without end. */
const busy = (kind: string) => `
const device = open();
const large = ${kind.startsWith('cpu') ? 1 << 18 : 1 << 12};
const x = make(device, large), y = make(device, large), small = make(device, 4);
const into = new Float32Array(large);
run(device, 'fill', x, 1);
device.beginRecording();
for (let i = 0; i < 8; i++) run(device, 'add', x, x, y, 0.5, 0.5);
const graph = device.endRecording();
const read = () => device.read(y, into, (code) => code === undefined && read());
read();
const step = () => {
  for (let i = 0; i < 50; i++) run(device, 'fill', small, i);
  for (let i = 0; i < 5; i++) device.replay(graph);
  device.dispose(make(device, 1 << 16));
  device.idle(() => setImmediate(step));
};
step();
parentPort.postMessage('busy');
`;

test.each(hosts)(
  `a thread may be terminated at any moment, ${rounds} times, and memory stays flat, on %s`,
  async (kind) => {
    const next = uniform(3);
    let warm = 0;
    for (let round = 0; round < rounds; round++) {
      const worker = startThread(kind, busy(kind));
      worker.on('error', (error) => expect.fail(String(error)));
      await once(worker, 'message');
      await setTimeout(8 * next());
      await worker.terminate();
      if (round === Math.floor(rounds / 4)) warm = process.memoryUsage.rss();
    }
    const grown = process.memoryUsage.rss() - warm;
    // A round that leaked its tensors would leave 2 MiB. Sanitizers keep freed memory for a while; the
    // address sanitizer counts what is lost instead, below.
    if (!sanitizer) expect(grown / rounds).toBeLessThan(400_000);
  },
  600_000,
);

test.runIf(sanitizer === 'address').each(hosts)(
  'a thread that is terminated loses no memory on %s',
  async (kind) => {
    const body = JSON.stringify(prelude + busy(kind));
    const program = `
      const { Worker } = require('node:worker_threads');
      const run = async () => {
        for (let round = 0; round < 12; round++) {
          const worker = new Worker(${body}, { eval: true, workerData: ${JSON.stringify(threadData(kind))} });
          await new Promise((resolve) => worker.once('message', resolve));
          await new Promise((resolve) => setTimeout(resolve, round % 6));
          await worker.terminate();
        }
      };
      run();`;
    const env = { ...process.env, ASAN_OPTIONS: 'detect_leaks=1' };
    const child = spawn(process.execPath, ['-e', program], {
      env,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let text = '';
    child.stderr.on('data', (data) => {
      text += data;
    });
    const [code] = await once(child, 'close');
    expect({ code, text }).toEqual({ code: 0, text: '' });
  },
  600_000,
);

test.each(hosts)('threads may work side by side and end by themselves on %s', async (kind) => {
  const workers = Array.from({ length: 4 }, (_, thread) =>
    startThread(
      kind,
      `
      const device = open();
      const x = make(device, 1000);
      run(device, 'fill', x, ${thread});
      const into = new Float32Array(1000);
      device.read(x, into, (code, message) => parentPort.postMessage(message ?? into[999]));
    `,
    ),
  );
  const answers = await Promise.all(
    workers.map(async (worker) => {
      const [[answer], [code]] = await Promise.all([once(worker, 'message'), once(worker, 'exit')]);
      return [answer, code];
    }),
  );
  expect(answers).toEqual([0, 1, 2, 3].map((thread) => [thread, 0]));
});
