import { expect, test } from 'vitest';
import { scope, Weights } from '../../lib/index.ts';
import { ChameleonLayer } from '../../lib/models/chameleon_layer.ts';
import { input } from '../support/numbers.ts';
import { onEveryDevice } from '../support/on_every_device.ts';
import { expectSameBits, take, upload } from '../support/op_case.ts';

const x = input([2, 5, 64], 3);
const seeds = Int32Array.of(1, 0, 2, 0, 3, 0, 4, 0);
const sizes = { dim: 64, heads: 2, kvHeads: 1, headDim: 32, inner: 12 };

onEveryDevice('ChameleonLayer', (device) => {
  test.each([false, true])(
    'drops each number of a branch, or divides it by the share that stays; swin norm %s',
    async (swinNorm) => {
      using w = Weights.fresh(device, { seed: 5 });
      const layer = new ChameleonLayer(w, { ...sizes, swinNorm, normEps: 1e-5, ropeTheta: 1e4 });
      // Attention alone.
      w.tensor('mlp.down_proj.weight', [64, 12]).write(new Float32Array(64 * 12));
      const forward = (of: typeof x, p: number, some: Int32Array) => {
        const [sequences, tokens] = of.shape as [number, number];
        const at = Int32Array.from({ length: sequences * tokens }, (_, i) => i % tokens);
        const dropout = { p, seeds: device.from(some, [some.length / 2, 2]) };
        const positions = device.from(at, [sequences, tokens]);
        return layer.forward(upload(device, of), positions, p > 0 ? dropout : undefined);
      };
      const run = (...args: Parameters<typeof forward>) => take(scope(() => forward(...args)));
      const [plain, dropped] = [await run(x, 0, seeds), await run(x, 0.25, seeds)];
      let zeros = 0;
      for (const [i, value] of dropped.entries()) {
        const [added, expected] = [value - x.values[i]!, (plain[i]! - x.values[i]!) / 0.75];
        if (Math.abs(added) < 1e-6) zeros++;
        else expect(Math.abs(added - expected)).toBeLessThan(1e-5);
      }
      // Three standard deviations of 640 draws.
      expect(Math.abs(zeros / 640 - 0.25)).toBeLessThan(0.052);
      const second = { ...x, shape: [1, 5, 64], values: x.values.subarray(320) };
      const alone = await run(second, 0.25, Int32Array.of(2, 0, 4, 0));
      expectSameBits([alone], [dropped.subarray(320)]);
    },
  );
});
