import { test } from 'vitest';
import { scope, Weights } from '../../lib/index.ts';
import { VqganResidual } from '../../lib/models/vqgan_residual.ts';
import { input } from '../support/numbers.ts';
import { onEveryDevice } from '../support/on_every_device.ts';
import { expectClose, expectSameBits, take, upload } from '../support/op_case.ts';

onEveryDevice('VqganResidual', (device, kind) => {
  const forms = [
    [1, 3, 32, 32],
    [2, 2, 32, 32],
    [7, 3, 32, 64],
    [7, 3, 64, 32],
    [9, 5, 32, 32],
  ].flatMap(([height, width, inputs, outputs]) =>
    [1, 2, 3, 100].map((rows) => ({ height, width, inputs, outputs, rows }) as Form),
  );

  test.each(forms)(
    'is the same in less memory: $height x $width, $inputs to $outputs channels, $rows rows',
    async ({ height, width, inputs, outputs, rows }) => {
      using w = Weights.fresh(device, { seed: 2 });
      const block = new VqganResidual(w, inputs, outputs, inputs % 64 === 0 ? 4 : 32);
      const picture = input([1, height, width, inputs], 1, { mean: 0.5 });
      const run = (again: boolean) =>
        scope(() => block.consume(upload(device, picture), { rows, again }));
      const whole = await take(scope(() => block.forward(upload(device, picture))));
      const held = await take(run(false));
      // How the emulated GPU and real ones split sums depends on how many rows there are.
      if (kind.startsWith('cpu')) expectSameBits([held], [whole]);
      else expectClose(held, whole, 60);
      expectClose(await take(run(true)), whole, 60);
    },
  );
});

interface Form {
  readonly height: number;
  readonly width: number;
  readonly inputs: number;
  readonly outputs: number;
  readonly rows: number;
}
