// WebDataset: tar archives in which the files of a sample stand side by side, and share their name up to
// its first dot. An index beside them says where each file is, so that any sample is read at once.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as z from 'zod';
import { schemaFault } from '../schema_fault.ts';
import type { OpenFile } from '../weights/byte_source.ts';
import { openInput, shardError } from './shard_error.ts';
import { readMember, type TarMember, tarMembers } from './tar_reader.ts';

/** The files of one sample, by what their names have behind the first dot in lower case, such as `png`. */
export interface Sample {
  readonly key: string;
  readonly files: ReadonlyMap<string, Uint8Array>;
}

const count = z.int().min(0);
const indexSchema = z.strictObject({
  format: z.literal('stylear-shards'),
  version: z.literal(1),
  shards: z.array(
    z.strictObject({
      file: z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9_.-]*\.tar$/),
      bytes: count,
      samples: z.array(z.tuple([z.string(), z.array(z.tuple([z.string(), count, count]))])),
    }),
  ),
});

/** Shards and what stands where in them: the key of each sample, and extension, offset and bytes of its files. */
export type ShardIndex = z.output<typeof indexSchema>;

interface Place {
  readonly source: OpenFile;
  readonly key: string;
  readonly members: ReadonlyMap<string, TarMember>;
}

/** Samples of shards, by their number. */
export class Shards {
  readonly length: number;
  private readonly places: readonly Place[];
  private readonly sources: readonly OpenFile[];

  private constructor(sources: readonly OpenFile[], places: readonly Place[]) {
    this.sources = sources;
    this.places = places;
    this.length = places.length;
  }

  /**
   * Opens shards in the given order.
   *
   * Throws `ERR_INPUT` when one of them is not what its index says, or not a strict archive.
   *
   * @param paths  each an index (`.json`), or a `.tar`, which is read through once
   */
  static open(paths: readonly string[]): Shards {
    const sources: OpenFile[] = [];
    const places: Place[] = [];
    const open = (path: string): OpenFile => {
      const source = openInput(path);
      sources.push(source);
      return source;
    };
    try {
      for (const path of paths) {
        // Not by a spread: there may be more of them than a call can take.
        const found = path.endsWith('.json') ? indexed(path, open) : scanned(open(path));
        for (const place of found) places.push(place);
      }
    } catch (error) {
      for (const source of sources) source.close();
      throw error;
    }
    return new Shards(sources, places);
  }

  keyOf(index: number): string {
    return this.places[index]!.key;
  }

  /** The path of the archive that a sample is in. */
  fileOf(index: number): string {
    return this.places[index]!.source.path;
  }

  /** What a sample has files of, without reading them. */
  extensionsOf(index: number): string[] {
    return [...this.places[index]!.members.keys()];
  }

  /**
   * How large a file of a sample is, without reading it.
   *
   * @param index  in [0, length)
   * @returns      bytes; 0 where the sample has no such file
   */
  bytesOf(index: number, extension: string): number {
    return this.places[index]!.members.get(extension)?.bytes ?? 0;
  }

  /** @param index  in [0, length) */
  at(index: number): Sample {
    const { source, key, members } = this.places[index]!;
    const files = [...members].map(
      ([extension, member]) => [extension, readMember(source, member)] as const,
    );
    return { key, files: new Map(files) };
  }

  /** The samples from `begin` up to `end`, one read after another. */
  *range(begin: number, end: number): Generator<Sample, void, undefined> {
    for (let index = begin; index < end; index++) yield this.at(index);
  }

  close(): void {
    for (const source of this.sources) source.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** The files of shards, whatever names them: each index, and the archives of it. */
export const shardFiles = (paths: readonly string[]): string[] =>
  paths.flatMap((path) => {
    if (!path.endsWith('.json')) return [path];
    return [path, ...readIndex(path).shards.map(({ file }) => join(dirname(path), file))];
  });

function* indexed(path: string, open: (path: string) => OpenFile): Generator<Place> {
  for (const { file, bytes, samples } of readIndex(path).shards) {
    const source = open(join(dirname(path), file));
    if (source.bytes !== bytes) {
      const advice = 'Write the index anew.';
      throw shardError(source.path, 'the archive', `${bytes} bytes`, `${source.bytes}`, { advice });
    }
    for (const [key, files] of samples) {
      const members = new Map<string, TarMember>();
      for (const [extension, offset, bytes] of files)
        addMember(members, source, extension, { name: `${key}.${extension}`, offset, bytes });
      yield { source, key, members };
    }
  }
}

function readIndex(path: string): ShardIndex {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw shardError(path, 'the index', 'JSON', (cause as Error).message, { cause });
  }
  const result = indexSchema.safeParse(json);
  if (result.success) return result.data;
  const { where, got } = schemaFault(result.error, json);
  throw shardError(path, where || 'the index', 'that of shards', got);
}

function scanned(source: OpenFile): Iterable<Place> {
  const samples = new Map<string, Map<string, TarMember>>();
  let last = '';
  for (const member of tarMembers(source)) {
    const [key, extension] = split(source.path, member.name);
    if (key !== last && samples.has(key))
      throw shardError(source.path, `the files of ${key}`, 'side by side', 'others between them');
    last = key;
    const files = samples.get(key) ?? new Map<string, TarMember>();
    addMember(files, source, extension, member);
    samples.set(key, files);
  }
  return Array.from(samples, ([key, members]) => ({ source, key, members }));
}

/** Extensions are the same in either case, as WebDataset takes them. */
function addMember(
  files: Map<string, TarMember>,
  { path }: OpenFile,
  extension: string,
  member: TarMember,
): void {
  const lower = extension.toLowerCase();
  const before = files.get(lower);
  if (before)
    throw shardError(path, member.name, 'the only file of its kind', `${before.name} too`);
  files.set(lower, member);
}

/** At the first dot behind the last slash. */
function split(path: string, name: string): readonly [key: string, extension: string] {
  const dot = name.indexOf('.', name.lastIndexOf('/') + 1);
  if (dot <= name.lastIndexOf('/') + 1 || dot === name.length - 1)
    throw shardError(path, 'a name', 'a key, a dot and an extension', JSON.stringify(name));
  return [name.slice(0, dot), name.slice(dot + 1)];
}
