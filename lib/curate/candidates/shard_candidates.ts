import { contentOfShards } from '../../shards/content_of_shards.ts';
import { Shards } from '../../shards/shards.ts';
import { decodeSample } from '../../shards/training_sample.ts';
import { pictureOf } from '../with_tokens.ts';
import type { Candidates } from './candidates.ts';

/**
 * The samples of shards.
 *
 * Throws `ERR_INPUT` when one of them is not what its index says.
 *
 * @param paths  indices, or tar archives
 */
export function shardCandidates(paths: readonly string[]): Candidates {
  const shards = Shards.open(paths);
  return {
    length: shards.length,
    identity: contentOfShards(paths).content,
    async at(index) {
      const sample = decodeSample(shards.at(index));
      const { caption, style } = sample;
      const known = style === undefined ? { key: sample.key } : style;
      const key = `${index}`.padStart(7, '0');
      return { key, caption, picture: await pictureOf(sample), style: known };
    },
    [Symbol.dispose]: () => shards.close(),
  };
}
