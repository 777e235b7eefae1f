import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { listDevices, openDevice } from '../../lib/index.ts';
import { loadAddon, requireCurrent } from '../../lib/native.ts';
import { builtCli } from '../support/built_cli.ts';
import { devicesToTest } from '../support/on_every_device.ts';

afterEach(() => vi.unstubAllEnvs());

describe('openDevice', () => {
  test('opens the best CPU level that runs here', async () => {
    const best = listDevices().find(({ name }) => name.startsWith('cpu:'))!;
    await using device = await openDevice('cpu');
    expect(device.name).toBe(best.name.replace(':', '-'));
  });

  test('never chooses the emulated GPU by itself', async () => {
    await using device = await openDevice();
    expect(device.name).toMatch(/^(cpu-|cuda:)/);
  });

  test('opens the CPU level that STYLEAR_CPU names', async () => {
    const level = devicesToTest().find((name) => name.startsWith('cpu:'))!;
    vi.stubEnv('STYLEAR_CPU', level.slice(4));
    await using device = await openDevice('cpu');
    expect(device.name).toBe(level.replace(':', '-'));
  });

  test('takes the number of threads', async () => {
    await using device = await openDevice('cpu', { threads: 3 });
    expect(device.threads).toBe(3);
  });

  test('loads no library of another device than is wanted', () => {
    const program = `
      const { openDevice } = await import(${JSON.stringify(join(dirname(builtCli()), '../index.js'))});
      await (await openDevice('cpu')).close();
      console.log((await import('node:fs')).readFileSync('/proc/self/maps', 'utf8'));`;
    const maps = execFileSync(process.execPath, ['--input-type=module', '-e', program], {
      encoding: 'utf8',
    });
    const loaded = new Set(maps.match(/stylear_\w+(?=\.so)/g));
    expect(loaded.size).toBeGreaterThan(0);
    expect([...loaded].filter((name) => !name.startsWith('stylear_cpu'))).toEqual([]);
  });

  test.each([-1, 1.5, 5000, Number.NaN])('refuses %d threads', async (threads) => {
    await expect(openDevice('cpu', { threads })).rejects.toThrow(
      `openDevice: expected threads to be an integer from 1 to 1024, got ${threads}`,
    );
  });

  test.each(['gpu', 'cuda:x', 'cpu:', ''])("refuses the name '%s'", async (name) => {
    await expect(openDevice(name)).rejects.toThrow(
      'openDevice: expected name to be cuda, cuda:<index>, cpu, cpu:<level>, simt or simt_cuda, ' +
        `got '${name}'`,
    );
  });

  test('says what each library answered, and what to do', async () => {
    vi.stubEnv('STYLEAR_CPU', 'z80');
    await expect(openDevice('cpu')).rejects.toThrow(
      expect.objectContaining({
        code: 'ERR_BACKEND',
        message: expect.stringMatching(
          /^openDevice: expected cpu to open, got no such library in .+\. Run `npm run build`/,
        ),
      }),
    );
    const unfit = listDevices().find(({ score }) => score === 0);
    if (!unfit) return;
    const error: Error = await openDevice(unfit.name).catch((error) => error);
    expect(error.message).toContain(`got ${unfit.name}: ${unfit.why}`);
    expect(error.message).not.toContain('..');
  });

  test('says what to do where there is no addon', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'stylear-'));
    vi.stubEnv('STYLEAR_NATIVE_DIR', folder);
    await expect(openDevice()).rejects.toThrow(
      `native: expected ${join(folder, 'stylear.node')} to exist, got no such file. ` +
        'Run `npm run build` in the package or set STYLEAR_NATIVE_DIR to the folder of a build.',
    );
    writeFileSync(join(folder, 'stylear.node'), 'no library');
    await expect(openDevice()).rejects.toThrow(/to load, got .*\. Run `npm run build`/);
    rmSync(folder, { recursive: true });
  });

  test('says what to do where the addon is of an older build', () => {
    const { lockFile, ...older } = loadAddon();
    expect(lockFile).toBeTypeOf('function');
    expect(() => requireCurrent('stylear.node', older)).toThrow(
      'native: expected stylear.node to be of this version of the package, got one without lockFile. ' +
        'Run `npm run build` in the package to build it anew.',
    );
    expect(() => requireCurrent('stylear.node', undefined)).toThrow('got one without score');
  });
});

describe.each(devicesToTest({ withHostSide: true }))('a device, %s,', (kind) => {
  test('finishes its work before it closes, and is closed once', async () => {
    const device = await openDevice(kind);
    const x = device.full([1 << 20], 3);
    const read = x.read();
    const closed = device.close();
    expect(device.close()).toBe(closed);
    await closed;
    expect((await read)[(1 << 20) - 1]).toBe(3);
  });

  test('refuses work when it is closed', async () => {
    const device = await openDevice(kind);
    const x = device.zeros([1]);
    await device.close();
    const refused = 'device: expected an open device, got a closed one';
    expect(() => device.zeros([1])).toThrow(refused);
    expect(() => device.run('fill', { y: x, value: 1 })).toThrow(refused);
    expect(() => device.memory()).toThrow(refused);
    expect(() => device.record(() => {})).toThrow(refused);
    await expect(x.read()).rejects.toThrow(refused);
    await expect(device.idle()).rejects.toThrow(refused);
    x.dispose(); // is nothing
  });

  test('is one of several', async () => {
    await using a = await openDevice(kind);
    await using b = await openDevice(kind);
    const [x, y] = [a.full([1], 1), b.full([1], 2)];
    expect([...(await x.read()), ...(await y.read())]).toEqual([1, 2]);
  });

  test('gives memory back to the system when asked', async () => {
    await using device = await openDevice(kind);
    device.zeros([1 << 22]).dispose();
    await device.idle();
    // The emulated GPU keeps nothing: it never gives out the same memory twice.
    if (kind !== 'simt') expect(device.memory().reservedBytes).toBeGreaterThanOrEqual(1 << 24);
    device.trim();
    await device.idle();
    expect(device.memory().reservedBytes).toBe(0);
  });
});
