import { join } from 'node:path';
import { contentOfShards } from '../shards/content_of_shards.ts';
import { makeParts } from '../shards/parts.ts';
import { Shards } from '../shards/shards.ts';
import type { Device } from '../tensor/device.ts';
import type { CurateConfigOf } from './config.ts';
import type { CurationOptions } from './curation_options.ts';
import { type CurationReport, finishedReport, finishOutput, outputFiles } from './output.ts';
import { PictureTokenizer, tokenizerIdentity } from './picture_tokenizer.ts';
import { withTokens } from './with_tokens.ts';

/** Shards again, with the tokens of their pictures; see `curate`. */
export async function addTokens(
  config: CurateConfigOf<'tokens'>,
  device: Device,
  { signal, onProgress }: CurationOptions,
): Promise<CurationReport> {
  const { kind, output, partSize, batchSize, shards: paths } = config;
  const identity = JSON.stringify({
    ...{ kind, partSize, shards: contentOfShards(paths) },
    ...tokenizerIdentity(config),
  });
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
