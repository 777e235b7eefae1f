import { join } from 'node:path';
import { makeParts } from '../shards/parts.ts';
import { Shards } from '../shards/shards.ts';
import type { Device } from '../tensor/device.ts';
import { fingerprint } from '../weights/fingerprint.ts';
import type { CurateConfigOf } from './config.ts';
import type { CurationOptions } from './curation_options.ts';
import { type CurationReport, finishedReport, finishOutput, outputFiles } from './output.ts';
import { PictureTokenizer } from './picture_tokenizer.ts';
import { withTokens } from './with_tokens.ts';

/** Shards again, with the tokens of their pictures; see `curate`. */
export async function addTokens(
  config: CurateConfigOf<'tokens'>,
  device: Device,
  { signal, onProgress }: CurationOptions,
): Promise<CurationReport> {
  const { output, partSize, batchSize, shards: paths, vqgan } = config;
  const files = fingerprint([...paths, vqgan, config.tokenizer]);
  const identity = JSON.stringify({ config, files });
  const finished = finishedReport(output, identity);
  if (finished) return finished;
  using shards = Shards.open(paths);
  using tokenizer = PictureTokenizer.open(config, device);
  const total = shards.length;
  const parts = await makeParts(
    join(outputFiles(output).work, 'tokens'),
    {
      total,
      partSize,
      identity,
      signal,
      onProgress: (done) => onProgress?.('tokens', done, total),
    },
    (begin, end) => withTokens(shards.range(begin, end), tokenizer, batchSize),
  );
  return await finishOutput(output, parts, { identity, config });
}
