import { join } from 'node:path';
import { makeParts } from '../shards/parts.ts';
import { type Sample, Shards } from '../shards/shards.ts';
import type { Device } from '../tensor/device.ts';
import { fingerprint } from '../weights/fingerprint.ts';
import type { CurateConfig, KindConfig } from './config.ts';
import { type CurationReport, finishedReport, finishOutput, outputFiles } from './output.ts';
import { PictureTokenizer } from './picture_tokenizer.ts';
import { withTokens } from './with_tokens.ts';

export interface CurationOptions {
  readonly signal?: AbortSignal | undefined;
  /**
   * @param stage  what is being made, such as `tokens`
   * @param done   how much of it is, of how much
   */
  readonly onProgress?: ((stage: string, done: number, total: number) => void) | undefined;
}

/**
 * Makes the shards that a config asks for, and goes on where an earlier run of the same config stopped.
 * What comes out has the same bytes as that of a run without a break.
 *
 * Throws `ERR_INPUT` where the output is that of another config or other inputs, and with the reason of
 * the signal.
 */
export async function curate(
  config: CurateConfig,
  device: Device,
  options: CurationOptions = {},
): Promise<CurationReport> {
  return await addTokens(config, device, options);
}

/** Shards again, with the tokens of their pictures. */
async function addTokens(
  config: KindConfig<'tokens'>,
  device: Device,
  { signal, onProgress }: CurationOptions,
): Promise<CurationReport> {
  const { output, partSize, batchSize, shards: paths } = config;
  const identity = identityOf(config, [...paths, config.vqgan, config.tokenizer]);
  const finished = finishedReport(output, identity);
  if (finished) return finished;
  using shards = Shards.open(paths);
  using tokenizer = PictureTokenizer.open(config, device);
  const parts = await makeParts(
    join(outputFiles(output).work, 'tokens'),
    {
      ...{ total: shards.length, partSize, identity, signal },
      onProgress: (done) => onProgress?.('tokens', done, shards.length),
    },
    (begin, end) => withTokens(samplesOf(shards, begin, end), tokenizer, batchSize),
  );
  return await finishOutput(output, parts, { identity, config });
}

/** A config and what its files hold, in a line. */
const identityOf = (config: CurateConfig, files: readonly string[]): string =>
  JSON.stringify({ config, files: fingerprint(files) });

function* samplesOf(shards: Shards, begin: number, end: number): Generator<Sample> {
  for (let i = begin; i < end; i++) yield shards.at(i);
}
