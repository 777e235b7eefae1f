// How a process ends that has a device open.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { hosts, programOf } from './native_worker.ts';

async function outcomeOf(kind: string, body: string) {
  const child = spawn(process.execPath, ['-e', programOf(kind, body)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  child.stdout.on('data', (data) => {
    text += data;
  });
  child.stderr.on('data', (data) => {
    text += data;
  });
  const [code, signal] = await once(child, 'close');
  return { code, signal, text: text.trim() };
}

const opened = `
const device = open();
const x = make(device, 1 << 20);
run(device, 'fill', x, 3);
`;

test.each(hosts)('an open device, %s, does not keep it alive', async (kind) => {
  expect(await outcomeOf(kind, opened)).toEqual({ code: 0, signal: null, text: '' });
});

test.each(hosts)('a read on %s that is not answered yet does', async (kind) => {
  const program = `${opened}
    const into = new Float32Array(1 << 20);
    device.read(x, into, () => console.log(into[(1 << 20) - 1]));`;
  expect(await outcomeOf(kind, program)).toEqual({ code: 0, signal: null, text: '3' });
});

test.each(hosts)('it may be ended amid work of %s', async (kind) => {
  const program = `${opened}
    for (let i = 0; i < ${kind.startsWith('cpu') ? 100000 : 20}; i++) run(device, 'fill', x, i);
    device.read(x, new Float32Array(1 << 20), () => console.log('too late'));
    process.exit(7);`;
  const begun = Date.now();
  expect(await outcomeOf(kind, program)).toEqual({ code: 7, signal: null, text: '' });
  expect(Date.now() - begun).toBeLessThan(15_000);
});

test.each(hosts)('it may be ended by an exception amid work of %s', async (kind) => {
  const { code, text } = await outcomeOf(
    kind,
    `${opened}
    for (let i = 0; i < ${kind.startsWith('cpu') ? 1000 : 20}; i++) run(device, 'fill', x, i);
    throw new Error('no such thing');`,
  );
  expect(code).toBe(1);
  expect(text).toContain('no such thing');
});
