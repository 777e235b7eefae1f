import { afterAll, describe, expect, test } from 'vitest';
import { type Device, listDevices, openDevice } from '../../lib/index.ts';

/** Every device there can be; a twin stands in for a level that does not run here. */
const all = [
  'cpu:portable',
  'cpu:avx2',
  'cpu:avx512',
  'cpu:avx512_twin',
  'cpu:avx512bf16',
  'cpu:avx512bf16_twin',
  'simt',
  'cuda',
] as const;

/**
 * The CUDA device on an emulated runtime: its kernels are those of `simt`, its host code is `cuda`'s.
 * Suites that are about more than kernels ask for it.
 */
const hostSide = 'simt_cuda';

/** Why each device that does not run here does not. */
export function lackingDevices(): Map<string, string> {
  const kinds = new Map(listDevices().map((kind) => [kind.name, kind]));
  const lacking = new Map<string, string>();
  for (const name of [...all, hostSide]) {
    const kind = kinds.get(name);
    const twinOf = kinds.get(name.replace(/_twin$/, ''));
    if (twinOf !== kind && twinOf && twinOf.score > 0) {
      lacking.set(name, `${twinOf.name} runs itself`);
      continue;
    }
    if (!kind) lacking.set(name, 'its library is not built');
    else if (kind.score <= 0) lacking.set(name, kind.why);
  }
  return lacking;
}

/**
 * Those that run here, or of them those that `STYLEAR_TEST_DEVICES=cpu:avx512,simt` asks for.
 *
 * @param withHostSide  whether `simt_cuda` is one of them without being asked for
 */
export function devicesToTest({ withHostSide = false } = {}): string[] {
  const lacking = lackingDevices();
  const known: string[] = [...all, hostSide];
  const asked = process.env.STYLEAR_TEST_DEVICES?.split(',');
  const missing = asked?.filter((name) => !known.includes(name) || lacking.has(name));
  if (missing?.length) {
    const reasons = missing.map((name) => `${name} (${lacking.get(name) ?? 'unknown'})`);
    throw new Error(`STYLEAR_TEST_DEVICES: expected devices that run here, got ${reasons}`);
  }
  return asked ?? (withHostSide ? known : [...all]).filter((name) => !lacking.has(name));
}

function onEach(kinds: readonly string[], name: string, body: Body): void {
  describe.each(kinds)(`${name} on %s`, async (kind) => {
    const device = await openDevice(kind);
    afterAll(() => device.close());
    body(device, kind);
    test('leaves no storage behind', async () => {
      await device.idle();
      expect(device.memory()).toMatchObject({ storages: 0, graphs: 0 });
    });
  });
}
type Body = (device: Device, kind: string) => void;

/**
 * A `describe` for every device that opens on this machine. It ends with a test that as few storages
 * are alive as there were at the beginning: none.
 */
export function onEveryDevice(name: string, body: Body): void {
  onEach(devicesToTest(), name, body);
}

/** The same with `simt_cuda` as one more. */
export function onEveryHostSide(name: string, body: Body): void {
  onEach(devicesToTest({ withHostSide: true }), name, body);
}
