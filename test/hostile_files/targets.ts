// What is fuzzed: each reader of files that others made, and good files to start from. Used by the
// tests and by the long run of bench/fuzz.ts.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import type { ErrorCode } from '../../lib/error.ts';
import { readClipPreprocessing } from '../../lib/image/clip_preprocessing.ts';
import { readChameleonConfig } from '../../lib/models/config/chameleon.ts';
import { readClipConfig } from '../../lib/models/config/clip.ts';
import { readResamplerConfig } from '../../lib/models/config/resampler.ts';
import { readVqganConfig } from '../../lib/models/config/vqgan.ts';
import { tarEnd, tarEntry } from '../../lib/shards/tar.ts';
import { readMember, tarMembers } from '../../lib/shards/tar_reader.ts';
import { Tokenizer } from '../../lib/text/tokenizer.ts';
import type { ByteSource } from '../../lib/weights/byte_source.ts';
import { readSafetensors } from '../../lib/weights/safetensors.ts';
import { openShards } from '../../lib/weights/shard_index.ts';
import { readElements, type StoredTensors } from '../../lib/weights/stored_tensor.ts';
import { parseJsonObject } from '../../lib/weights/strict_json.ts';
import { parseYamlObject } from '../../lib/weights/strict_yaml.ts';
import { readTorchFile } from '../../lib/weights/torch_file.ts';
import { ofType, pax, record, time } from '../shards/tar_files.ts';
import { byteLevel, smallTokenizer } from '../text/small_tokenizer.ts';
import {
  archive,
  call,
  dict,
  floats,
  global,
  int,
  join,
  legacy,
  list,
  no,
  orderedDict,
  pickle,
  storage,
  tensor,
  text,
  tuple,
  u64,
} from '../weights/torch_writer.ts';
import type { FuzzTarget } from './fuzz.ts';

/** A target of those here. */
export interface ReaderTarget extends FuzzTarget {
  /** Of what it is a part; the formats of a reader share its time in a long run. */
  readonly reader:
    | 'safetensors'
    | 'shard index'
    | 'torch zip'
    | 'torch before 1.6'
    | 'tokenizer'
    | 'tar'
    | 'config';
  /** A good file of so many things. */
  large(count: number): Buffer;
}

const many = <T>(count: number, of: (i: number) => T): T[] =>
  Array.from({ length: count }, (_, i) => of(i));
const numbered = <T>(count: number, of: (i: number) => T): Record<string, T> =>
  Object.fromEntries(many(count, (i): [string, T] => [`name ${i}`, of(i)]));

/** The targets, and what removes the files that some of them need. */
export function readerTargets(): { readonly targets: readonly ReaderTarget[]; close(): void } {
  const folder = mkdtempSync(joinPath(memoryFolder(), 'stylear-fuzz-'));
  const targets = [safetensors, torchZip, torchOlder, tokenizer, tar, json, yaml];
  return {
    targets: [...targets, shardIndex(folder), ...configs(folder)],
    close: () => rmSync(folder, { recursive: true }),
  };
}

const readAll = (source: ByteSource, { tensors }: StoredTensors): void => {
  for (const stored of tensors.values()) readElements(source, stored);
};

const entry = (dtype: string, shape: string, begin: number, end: number) =>
  `{"dtype":"${dtype}","shape":${shape},"data_offsets":[${begin},${end}]}`;

const safetensorsFile = (header: string, bytes: number): Buffer =>
  join(u64(Buffer.byteLength(header)), Buffer.from(header), Buffer.alloc(bytes));

const small = safetensorsFile(
  `{"__metadata__":{"a":"b"},"b":${entry('BF16', '[3]', 8, 14)},"a":${entry('F32', '[2,1]', 0, 8)}}`,
  14,
);

const safetensors: ReaderTarget = {
  reader: 'safetensors',
  code: 'ERR_WEIGHTS',
  name: 'safetensors',
  seeds: [
    small,
    safetensorsFile('{}', 0),
    safetensorsFile(
      `{"x":${entry('I64', '[0,4294967296]', 0, 0)},"\\u00e9":${entry('U8', '[]', 0, 1)}}    `,
      1,
    ),
  ],
  large: (count) => {
    const entries = many(count, (i) => `"name ${i}":${entry('I8', '[3]', 3 * i, 3 * i + 3)}`);
    return safetensorsFile(`{${entries.join(',')}}`, 3 * count);
  },
  read: (source) => readAll(source, readSafetensors(source)),
};

const six = storage({ count: 6 });
const dense = pickle(dict(['x', tensor(six, [2, 3], [3, 1])]));
const mixed = pickle(
  orderedDict,
  '(',
  text('state_dict'),
  dict(
    [
      'w',
      call(global('torch._utils', '_rebuild_parameter'), tensor(six, [3], [2]), no, orderedDict),
    ],
    ['t', tensor(six, [3, 2], [1, 3])],
    ['list', list(tensor(six, [], [], 5), tuple(int(3), text('a')))],
  ),
  'u',
  dict(['_metadata', orderedDict]),
  'b',
);
/** A pickle of many tensors, each on a storage of its own. */
const manyStorages = (count: number) => {
  const key = (i: number) => `${i}`;
  const all = many(count, (i) => storage({ key: key(i), count: 6 }));
  return pickle(
    dict(...all.map((of, i): [string, Buffer] => [key(i), tensor(of, [2, 3], [3, 1])])),
  );
};
const readTorch = (source: ByteSource) => readAll(source, readTorchFile(source));

const torchZip: ReaderTarget = {
  reader: 'torch zip',
  code: 'ERR_WEIGHTS',
  name: 'torch zip',
  seeds: [
    archive(dense, { 0: floats(6) }),
    archive(mixed, { 0: floats(6) }, { zip64: true }),
    archive(mixed, { 0: floats(6) }, { descriptor: false }),
  ],
  large: (count) =>
    archive(manyStorages(count), Object.fromEntries(many(count, (i) => [i, floats(6)]))),
  read: readTorch,
};

const torchOlder: ReaderTarget = {
  reader: 'torch before 1.6',
  code: 'ERR_WEIGHTS',
  name: 'torch before 1.6',
  seeds: [legacy(dense, [['0', 6, floats(6)]]), legacy(mixed, [['0', 6, floats(6)]])],
  large: (count) =>
    legacy(
      manyStorages(count),
      many(count, (i) => [`${i}`, 6, floats(6)]),
    ),
  read: readTorch,
};

function tokenizerFile(names: number): Buffer {
  const file = smallTokenizer({
    first: many(names, (i) => `name ${i}`),
    preTokenizers: [
      { type: 'Digits', individual_digits: true },
      { type: 'Punctuation', behavior: 'Isolated' },
      byteLevel(true),
    ],
    addedTokens: [{ content: '<s>' }, { content: '</s>' }],
    merges: 8,
  });
  return Buffer.from(JSON.stringify(file));
}

const tokenizer: ReaderTarget = {
  reader: 'tokenizer',
  code: 'ERR_INPUT',
  name: 'tokenizer',
  seeds: [tokenizerFile(0)],
  large: tokenizerFile,
  read: (source) => void Tokenizer.read(source).encodeWithSpecial("it's <s> 12, ** and"),
};

const asJson = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

const json: ReaderTarget = {
  reader: 'config',
  code: 'ERR_WEIGHTS',
  name: 'json',
  seeds: [
    Buffer.from('{"a":[1,-2.5e-3,true,null,"\\u00e9\\n\\"x\\""],"b":{"c":{},"d":[[]]}}'),
    Buffer.from(' {\n "long name" : "and \u00e9 long value", "n" : 9007199254740991 } '),
  ],
  large: (count) => asJson(numbered(count, (i) => [i, `text ${i}`, { 'a key': null }])),
  read: (source) => void parseJsonObject(source, 'the file', 0, source.bytes),
};

const vqganYaml = Buffer.from(`model:
  target: taming.models.vqgan.VQModel  # a comment
  params:
    embed_dim: 8
    n_embed: 8192
    ddconfig:
      double_z: false
      z_channels: 32
      resolution: 64
      in_channels: 3
      out_ch: 3
      ch: 32
      ch_mult:
      - 1
      - 2
      num_res_blocks: 1
      attn_resolutions: []
      dropout: 0.0
`);

const yaml: ReaderTarget = {
  reader: 'config',
  code: 'ERR_WEIGHTS',
  name: 'yaml',
  seeds: [
    vqganYaml,
    Buffer.from(
      '---\n"a b": \'it\'\'s\'\nlist: [1, two, 3.5]\nnested:\n  - a: 1\n    b: ~\n  - - 3\n    - "4"\n',
    ),
  ],
  large: (count) =>
    Buffer.from(many(count, (i) => `name ${i}:\n  - ${i}\n  - [a, b]\n  - c: "d"\n`).join('')),
  read: (source) => void parseYamlObject(source, 'the file', 0, source.bytes),
};

const tarFile = (...entries: readonly Buffer[]): Buffer => Buffer.concat([...entries, tarEnd]);

const tar: ReaderTarget = {
  reader: 'tar',
  code: 'ERR_INPUT',
  name: 'tar',
  seeds: [
    tarFile(...['a.txt', 'a.png', 'b.txt'].map((name) => tarEntry(name, Buffer.alloc(700, 7)))),
    tarFile(
      ofType('g', 'pax_global_header', record('comment', 'x')),
      ...[pax(time, record('path', 'folder/b.txt'), record('size', '3'))],
      ...[tarEntry('b.txt', Buffer.alloc(3)), pax(time), tarEntry('c.txt', Buffer.alloc(600))],
    ),
    tarFile(ofType('L', '././@LongLink', 'd.txt\0'), tarEntry('d', Buffer.alloc(3))),
  ],
  large: (count) =>
    tarFile(
      ...many(count, (i) => [
        ...[pax(time, record('path', `folder/${i}.txt`)), tarEntry(`${i}.txt`, Buffer.alloc(600))],
      ]).flat(),
    ),
  read(source) {
    for (const member of tarMembers(source)) readMember(source, member);
  },
};

/** Where files are in memory, if there is such a place: many are written and read once. */
const memoryFolder = (): string => (existsSync('/dev/shm') ? '/dev/shm' : tmpdir());

/** As a new file: to overwrite one may wait for the disk. */
function put(path: string, bytes: Buffer): void {
  rmSync(path, { force: true });
  writeFileSync(path, bytes);
}

function shardIndex(folder: string): ReaderTarget {
  const path = joinPath(folder, 'model.safetensors.index.json');
  writeFileSync(joinPath(folder, 'one'), small);
  const other = safetensorsFile(`{"c":${entry('I8', '[1]', 0, 1)}}`, 1);
  writeFileSync(joinPath(folder, 'two'), other);
  return {
    reader: 'shard index',
    code: 'ERR_WEIGHTS',
    name: 'shard index',
    seeds: [
      Buffer.from('{"metadata":{"total_size":15},"weight_map":{"a":"one","b":"one","c":"two"}}'),
    ],
    large: (count) => {
      // One file of many tensors, which is written when the index is.
      const names = numbered(count, () => 'many');
      const entries = Object.keys(names).map(
        (name, i) => `"${name}":${entry('I8', '[1]', i, i + 1)}`,
      );
      put(joinPath(folder, 'many'), safetensorsFile(`{${entries.join(',')}}`, count));
      // Longer than the other file: buffers are held against its size.
      const metadata = { about: 'a word or two '.repeat(20 * count) };
      return asJson({ metadata, weight_map: names });
    },
    read(_, bytes) {
      put(path, bytes);
      for (const { source } of openShards(path)) source.close();
    },
  };
}

/** The configs of models, each by the function that models call. */
function configs(folder: string): ReaderTarget[] {
  const target = (
    name: string,
    file: string,
    seed: Record<string, unknown>,
    readConfig: () => unknown,
    code: ErrorCode = 'ERR_WEIGHTS',
  ): ReaderTarget => ({
    reader: 'config',
    code,
    name,
    seeds: [asJson(seed)],
    large: (count) => asJson({ ...seed, vocabulary_map: numbered(count, (id) => id % 320) }),
    read(_, bytes) {
      put(joinPath(folder, file), bytes);
      readConfig();
    },
  });
  const sizes = { hidden_size: 64, num_attention_heads: 4, num_hidden_layers: 2 };
  const chameleon = { model_type: 'chameleon', vocab_size: 320, intermediate_size: 160 };
  const vocabulary_map = { '<s>': 0, IMGIMGAZ: 4 };
  const resampler = { dim: 64, depth: 2, dim_head: 16, heads: 12, num_queries: 16, ff_mult: 4 };
  return [
    target('chameleon config', 'config.json', { ...chameleon, ...sizes, vocabulary_map }, () =>
      readChameleonConfig(folder),
    ),
    target(
      'clip config',
      'config.json',
      { model_type: 'clip', projection_dim: 8, vision_config: sizes, text_config: sizes },
      () => readClipConfig(folder),
    ),
    target(
      'clip preprocessor config',
      'preprocessor_config.json',
      {
        crop_size: { height: 56, width: 56 },
        size: { shortest_edge: 56 },
        resample: 3,
        image_mean: [0.48145466, 0.4578275, 0.40821073],
        image_std: [0.26862954, 0.26130258, 0.27577711],
      },
      () => readClipPreprocessing(joinPath(folder, 'preprocessor_config.json')),
      'ERR_INPUT',
    ),
    target(
      'resampler config',
      'resampler.json',
      { ...resampler, embedding_dim: 64, output_dim: 64 },
      () => readResamplerConfig(joinPath(folder, 'resampler.json')),
    ),
    {
      reader: 'config',
      code: 'ERR_WEIGHTS',
      name: 'vqgan config',
      seeds: [vqganYaml],
      large: (count) => Buffer.concat([vqganYaml, Buffer.from('other:\n'), yaml.large(count)]),
      read(_, bytes) {
        put(joinPath(folder, 'vqgan.yaml'), bytes);
        readVqganConfig(joinPath(folder, 'vqgan.yaml'));
      },
    },
  ];
}
