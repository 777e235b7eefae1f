// What a sample of training data holds, as files: KEY.txt, KEY.png (or jpg, jpeg, webp, avif), KEY.ids and
// KEY.json; and KEY.chosen.ids with KEY.rejected.ids where it is a preference.
import { shardError } from './shard_error.ts';
import type { Sample } from './shards.ts';

/** A sample of training data: a caption, and what is known of its picture. */
export interface TrainingSample {
  /** What the names of its files begin with; another for each sample. */
  readonly key: string;
  /** Without white space around it. */
  readonly caption: string;
  /** An encoded picture. */
  readonly picture?: { readonly format: PictureExtension; readonly bytes: Uint8Array } | undefined;
  /** Tokens of the picture, from its start to its end. */
  readonly tokens?: Int32Array | undefined;
  /** Tokens of the picture that was preferred, and of the other. */
  readonly chosen?: Int32Array | undefined;
  readonly rejected?: Int32Array | undefined;
  /** What else is known, such as the parameters of the style. */
  readonly style?: unknown;
}

const pictureExtensions = ['png', 'jpg', 'jpeg', 'webp', 'avif'] as const;
/** The extension that an encoded picture has in a shard. */
export type PictureExtension = (typeof pictureExtensions)[number];
const tokenFiles = { tokens: 'ids', chosen: 'chosen.ids', rejected: 'rejected.ids' } as const;

/** The files of a sample, by their extensions; tokens are 32-bit integers, little-endian. */
export function encodeSample(sample: TrainingSample): Sample {
  const files = new Map<string, Uint8Array>([['txt', Buffer.from(sample.caption)]]);
  if (sample.picture) files.set(sample.picture.format, sample.picture.bytes);
  for (const [name, extension] of Object.entries(tokenFiles)) {
    const ids = sample[name as keyof typeof tokenFiles];
    if (ids) files.set(extension, new Uint8Array(ids.buffer, ids.byteOffset, ids.byteLength));
  }
  if (sample.style !== undefined) files.set('json', Buffer.from(JSON.stringify(sample.style)));
  return { key: sample.key, files };
}

/**
 * Throws `ERR_INPUT` when it has no caption, or a file is not what its extension says. Other files are
 * not looked at.
 */
export function decodeSample({ key, files }: Sample): TrainingSample {
  const text = (extension: string): string | undefined => {
    const bytes = files.get(extension);
    try {
      return bytes && new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    } catch (cause) {
      throw shardError(key, `its ${extension}`, 'UTF-8', 'other bytes', { cause });
    }
  };
  const caption = text('txt');
  if (caption === undefined) throw shardError(key, 'the sample', 'with a caption', 'no txt');
  const format = pictureExtensions.find((extension) => files.has(extension));
  const json = text('json');
  const ids = (name: keyof typeof tokenFiles) => idsOf(key, tokenFiles[name], files);
  return {
    key,
    caption: caption.trim(),
    picture: format && { format, bytes: files.get(format)! },
    tokens: ids('tokens'),
    chosen: ids('chosen'),
    rejected: ids('rejected'),
    style: json === undefined ? undefined : parsed(key, json),
  };
}

/** 32-bit integers, little-endian. */
function idsOf(key: string, extension: string, files: Sample['files']): Int32Array | undefined {
  const bytes = files.get(extension);
  if (!bytes) return undefined;
  if (bytes.length % 4 !== 0)
    throw shardError(key, `its ${extension}`, 'integers of 4 bytes', `${bytes.length} bytes`);
  // A copy: the bytes may stand anywhere in memory.
  return new Int32Array(Uint8Array.from(bytes).buffer);
}

function parsed(key: string, json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (cause) {
    throw shardError(key, 'its json', 'JSON', (cause as Error).message, { cause });
  }
}
