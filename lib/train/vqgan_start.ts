import type { Vqgan } from '../models/vqgan.ts';
import { scope } from '../tensor/scope.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Draws } from './draws.ts';
import { principalAxes } from './principal_axes.ts';
import type { NamedTensors } from './trainer.ts';

/** How much more of colour than of brightness the first convolution passes on. */
const colourGain = 3;
/** Of the largest deviation: what varies less than this is no axis to stretch. */
const leastShare = 1e-3;
/** The same in itself, for features that do not vary. */
const leastDeviation = 1e-6;

/**
 * Gives a fresh VQGAN weights to begin with. Drawn at random alone, its latents are brightness and
 * little else, and codes that are fitted to them keep it so. Here residual branches begin at nothing,
 * colour weighs more in the first convolution, `quant_conv` turns the features of some pictures to
 * their principal axes with a deviation of 1 along each, and codes are latents of these pictures.
 *
 * @param parameters  of the network, written to
 * @param pixels      as `Vqgan.latents` takes them
 */
export async function startVqgan(
  vqgan: Vqgan,
  parameters: NamedTensors,
  pixels: Tensor,
  draws: Draws,
): Promise<void> {
  const named = new Map(parameters);
  for (const [name, tensor] of parameters)
    if (name.endsWith('.conv2.weight') || name.endsWith('.conv2.bias'))
      tensor.write(new Float32Array(tensor.shape.reduce((a, b) => a * b, 1)));
  const first = named.get('encoder.conv_in.weight')!;
  first.write(colourful(await first.read(), first.shape.at(-1)!));
  const features = await valuesOf(() => vqgan.features(pixels));
  const { zChannels, embedDim, codes } = vqgan.config;
  const { mean, axes, deviations } = principalAxes(features, zChannels);
  const least = Math.max(leastDeviation, leastShare * deviations[0]!);
  const weight = new Float32Array(embedDim * zChannels);
  const bias = new Float32Array(embedDim);
  for (let to = 0; to < Math.min(embedDim, zChannels); to++)
    for (let from = 0; from < zChannels; from++) {
      const value = axes[to]![from]! / Math.max(least, deviations[to]!);
      weight[to * zChannels + from] = value;
      bias[to]! -= value * mean[from]!;
    }
  named.get('quant_conv.weight')!.write(weight);
  named.get('quant_conv.bias')!.write(bias);
  const latents = await valuesOf(() => vqgan.latents(pixels));
  const rows = new Float32Array(codes * embedDim);
  const order = draws.shuffle(
    Int32Array.from({ length: latents.length / embedDim }, (_, i) => i),
    'restart',
  );
  for (let code = 0; code < codes; code++) {
    const row = order[code % order.length]! * embedDim;
    rows.set(latents.subarray(row, row + embedDim), code * embedDim);
  }
  vqgan.codebook.write(rows);
}

/** Weights over `channels` colours with what they sum to as it was, and the rest `colourGain` times. */
function colourful(weight: ArrayLike<number>, channels: number): Float32Array {
  const values = Float32Array.from(weight);
  for (let at = 0; at < values.length; at += channels) {
    const colours = values.subarray(at, at + channels);
    const mean = colours.reduce((a, b) => a + b, 0) / channels;
    colours.forEach((value, i) => {
      colours[i] = mean + colourGain * (value - mean);
    });
  }
  return values;
}

async function valuesOf(compute: () => Tensor): Promise<Float32Array> {
  using tensor = scope(compute);
  return Float32Array.from(await tensor.read());
}
