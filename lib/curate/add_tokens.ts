import { join } from 'node:path';
import { contentOfShards } from '../shards/content_of_shards.ts';
import { makeParts } from '../shards/parts.ts';
import { type Sample, Shards } from '../shards/shards.ts';
import type { Device } from '../tensor/device.ts';
import type { CurateConfigOf } from './config.ts';
import type { CurationOptions } from './curation_options.ts';
import { type CurationReport, finishedReport, finishOutput, outputFiles } from './output.ts';
import { ownKeys } from './own_keys.ts';
import { PictureTokenizer, tokenizerIdentity } from './picture_tokenizer.ts';
import { withTokens } from './with_tokens.ts';

/** Shards again, with the tokens of their pictures, and keys that differ; see `curate` and `ownKeys`. */
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
  const keyed = ownKeys(shards);
  using tokenizer = PictureTokenizer.open(config, device);
  const samples = function* (begin: number, end: number): Generator<Sample> {
    for (let i = begin; i < end; i++) yield keyed(shards.at(i), i);
  };
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
    (begin, end) => withTokens(samples(begin, end), tokenizer, batchSize),
  );
  return await finishOutput(output, parts, { identity, config });
}
