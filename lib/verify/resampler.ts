import { readdirSync } from 'node:fs';
import { valueAndGradients } from '../autograd/gradients.ts';
import { readResamplerConfig } from '../models/config/resampler.ts';
import { Resampler } from '../models/resampler.ts';
import { multiply } from '../ops/multiply.ts';
import { sum } from '../ops/sum_rows.ts';
import type { Device } from '../tensor/device.ts';
import { scope } from '../tensor/scope.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { Weights } from '../weights/weights.ts';
import { bf16Multiple, type Check, compareTensor, type Verifier } from './check.ts';
import type { Fixture } from './fixture.ts';

/** A half has three bits more than a bf16. */
const f16Multiple = bf16Multiple / 2 ** 3;

const expected = 'expected.safetensors';
const gradients = 'gradients.safetensors';
const inputs = 'inputs.safetensors';

/** The perceiver resampler of every form of the checkpoint; gradients by everything. */
export const verifyResampler: Verifier = async function* (fixture, { device }) {
  const files = readdirSync(fixture.folder).filter((name) => name.startsWith('image_proj'));
  for (const file of files.sort()) yield* verifyFile(fixture, device, file);
};

async function* verifyFile(fixture: Fixture, device: Device, file: string): AsyncGenerator<Check> {
  using w = Weights.open(fixture.path(file), device, { dtype: 'f32' });
  const resampler = new Resampler(w, readResamplerConfig(fixture.path('config.json')));
  w.requireAllRead();
  const { y, loss, ...taken } = scope(() => run(fixture, device, resampler, w));

  const named = (check: Check): Check => ({ ...check, name: `${file} ${check.name}` });
  const multiple = file.includes('bf16') ? bf16Multiple : file.includes('f16') ? f16Multiple : 1;
  yield named(await compareTensor(fixture, expected, 'y', y, multiple));
  yield named(await compareTensor(fixture, expected, 'loss', loss, multiple));
  for (const [name, gradient] of Object.entries(taken.gradients)) {
    yield named(await compareTensor(fixture, gradients, name, gradient, multiple));
    gradient.dispose();
  }
  y.dispose();
  loss.dispose();
}

/** Of `sum(y * g)`. */
function run(
  fixture: Fixture,
  device: Device,
  resampler: Resampler,
  w: Weights,
): { y: Tensor; loss: Tensor; gradients: Record<string, Tensor> } {
  const input = (name: string) => {
    const { shape, values } = fixture.tensor(inputs, name);
    return device.from(values, shape);
  };
  const [x, g] = [input('x'), input('g')];
  const wrt = [['x', x] as const, ...w.entries()];
  const taken = valueAndGradients(
    () => sum(multiply(resampler.forward(x), g)),
    wrt.map(([, tensor]) => tensor),
  );
  return {
    y: resampler.forward(x),
    loss: taken.value,
    gradients: Object.fromEntries(wrt.map(([name], i) => [name, taken.gradients[i]!])),
  };
}
