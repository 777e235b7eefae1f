import { StylearError } from '../error.ts';
import { type ConvertOptions, convertWeights } from '../weights/convert_weights.ts';
import type { ConvertedTensor } from '../weights/converted_tensor.ts';
import { prepareFile } from './output.ts';

/** The options of `stylear convert`. */
export interface ConvertCommandOptions {
  readonly dtype?: NonNullable<ConvertOptions['dtype']> | undefined;
  /** Gigabytes of tensors in one file. */
  readonly maxShard?: number | undefined;
  /** Print a JSON object per line instead of lines for people. */
  readonly json?: boolean | undefined;
}

/**
 * `stylear convert <input> <output>`: a line per tensor whose values were rounded, with the largest
 * error and the relative one, then what was written.
 *
 * @param input  as `Weights.open` takes it
 * @returns      the exit status
 */
export async function convertCommand(
  input: string,
  output: string,
  { dtype = 'keep', maxShard = 5, json = false }: ConvertCommandOptions = {},
): Promise<number> {
  if (!(maxShard > 0)) {
    const got = `${maxShard}`;
    throw new StylearError('ERR_INPUT', `convert: expected --max-shard to be above 0, got ${got}`);
  }
  prepareFile(output);
  const begin = performance.now();
  let worst = 0;
  const onConverted = (tensor: ConvertedTensor): void => {
    worst = Math.max(worst, tensor.relativeRms);
    console.log(json ? JSON.stringify(tensor) : line(tensor));
  };
  const maxShardBytes = maxShard * 1e9;
  const written = await convertWeights(input, output, { dtype, maxShardBytes, onConverted });
  const seconds = (performance.now() - begin) / 1000;
  if (json) {
    console.log(JSON.stringify({ ...written, worstRelativeRms: worst, seconds }));
    return 0;
  }
  for (const file of written.files) console.log(file);
  const lost = worst > 0 ? `, relative error at most ${figure(worst)}` : ', no value changed';
  const size = `${written.tensors} tensors, ${written.bytes} bytes`;
  console.log(`${size} in ${seconds.toFixed(1)} s${lost}`);
  return 0;
}

function line({ name, shape, from, to, maxAbsError, relativeRms }: ConvertedTensor): string {
  const errors = `max error ${figure(maxAbsError)}, relative ${figure(relativeRms)}`;
  return `${from} -> ${to}  ${errors}  ${name} [${shape.join(', ')}]`;
}

const figure = (value: number): string => (value === 0 ? '0' : value.toExponential(2));
