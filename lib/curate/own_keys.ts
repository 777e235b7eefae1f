// Keys of samples that come from several shards, or from shards of others.
import { StylearError } from '../error.ts';
import type { Sample, Shards } from '../shards/shards.ts';
import { isWritable } from '../shards/write_shards.ts';

/** The longest extension that a curation adds, and what is not written as it is. */
const added = 'json';

/**
 * What gives samples the keys that they are written with. These are their own, if they differ and can be
 * written; else all are numbered through, and a sample without a `json` gets one that says its key.
 *
 * Throws `ERR_INPUT` for an extension that cannot be written.
 *
 * @returns  a function of a sample and of its number
 */
export function ownKeys(shards: Shards): (sample: Sample, index: number) => Sample {
  const keys = new Set<string>();
  let areWritable = true;
  for (let i = 0; i < shards.length; i++) {
    const key = shards.keyOf(i);
    keys.add(key);
    for (const extension of shards.extensionsOf(i)) {
      areWritable &&= isWritable(key, extension) && isWritable(key, added);
      if (isWritable(numbered(i), extension)) continue;
      throw new StylearError(
        'ERR_INPUT',
        `${shards.fileOf(i)}: expected the files of ${key} to have extensions of letters, digits, - and ` +
          `_, got ${JSON.stringify(extension)}`,
      );
    }
  }
  if (areWritable && keys.size === shards.length) return (sample) => sample;
  return ({ key, files }, index) => {
    const known = files.has('json') ? [] : [['json', json({ key })] as const];
    return { key: numbered(index), files: new Map([...files, ...known]) };
  };
}

const numbered = (index: number): string => `${index}`.padStart(7, '0');

const json = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));
