/**
 * Writes a model file of llama.cpp (GGUF, version 3) with random bf16 weights and made-up words, so that
 * it can be timed without a trained model.
 */

import { closeSync, openSync, renameSync, writeSync } from 'node:fs';

/** Of a network of the llama architecture. */
export interface LlamaShape {
  readonly layers: number;
  readonly dim: number;
  readonly heads: number;
  readonly mlp: number;
  readonly vocabulary: number;
}

const types = { u32: 4, i32: 5, f32: 6, text: 8, list: 9 } as const;
const stored = { f32: 0, bf16: 30 } as const;
const alignment = 32;

class Bytes {
  private readonly parts: Buffer[] = [];
  length = 0;

  u32(value: number): this {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(value);
    return this.add(bytes);
  }
  u64(value: number): this {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(BigInt(value));
    return this.add(bytes);
  }
  f32(value: number): this {
    const bytes = Buffer.alloc(4);
    bytes.writeFloatLE(value);
    return this.add(bytes);
  }
  text(value: string): this {
    return this.u64(Buffer.byteLength(value)).add(Buffer.from(value));
  }
  add(bytes: Buffer): this {
    this.parts.push(bytes);
    this.length += bytes.length;
    return this;
  }
  done(): Buffer {
    return Buffer.concat(this.parts);
  }
}

function metadata({ layers, dim, heads, mlp, vocabulary }: LlamaShape): {
  bytes: Bytes;
  count: number;
} {
  const bytes = new Bytes();
  let count = 0;
  const key = (name: string, type: keyof typeof types): Bytes => {
    count++;
    return bytes.text(name).u32(types[type]);
  };
  key('general.architecture', 'text').text('llama');
  key('general.file_type', 'u32').u32(32); // mostly bf16
  key('llama.block_count', 'u32').u32(layers);
  key('llama.context_length', 'u32').u32(4096);
  key('llama.embedding_length', 'u32').u32(dim);
  key('llama.feed_forward_length', 'u32').u32(mlp);
  key('llama.attention.head_count', 'u32').u32(heads);
  key('llama.attention.head_count_kv', 'u32').u32(heads);
  key('llama.rope.dimension_count', 'u32').u32(dim / heads);
  key('llama.rope.freq_base', 'f32').f32(10000);
  key('llama.attention.layer_norm_rms_epsilon', 'f32').f32(1e-5);
  key('llama.vocab_size', 'u32').u32(vocabulary);
  const each = (write: (i: number) => void) => {
    for (let i = 0; i < vocabulary; i++) write(i);
  };
  const [unknown, control, normal, byte] = [2, 3, 1, 6]; // kinds of words
  const isByte = (i: number) => i >= 3 && i < 259;
  const word = (i: number) =>
    isByte(i)
      ? `<0x${(i - 3).toString(16).toUpperCase().padStart(2, '0')}>`
      : (['<unk>', '<s>', '</s>'][i] ?? `\u2581w${i}`);
  const kind = (i: number) => (isByte(i) ? byte : i === 0 ? unknown : i < 3 ? control : normal);
  key('tokenizer.ggml.model', 'text').text('llama');
  key('tokenizer.ggml.tokens', 'list').u32(types.text).u64(vocabulary);
  each((i) => bytes.text(word(i)));
  key('tokenizer.ggml.scores', 'list').u32(types.f32).u64(vocabulary);
  each((i) => bytes.f32(-i));
  key('tokenizer.ggml.token_type', 'list').u32(types.i32).u64(vocabulary);
  each((i) => bytes.u32(kind(i)));
  key('tokenizer.ggml.bos_token_id', 'u32').u32(1);
  key('tokenizer.ggml.eos_token_id', 'u32').u32(2);
  key('tokenizer.ggml.unknown_token_id', 'u32').u32(0);
  return { bytes, count };
}

interface Matrix {
  readonly name: string;
  /** The fastest axis first. */
  readonly extents: readonly number[];
}

function matrices({ layers, dim, mlp, vocabulary }: LlamaShape): Matrix[] {
  const found: Matrix[] = [{ name: 'token_embd.weight', extents: [dim, vocabulary] }];
  for (let layer = 0; layer < layers; layer++) {
    const add = (name: string, ...extents: number[]) =>
      found.push({ name: `blk.${layer}.${name}.weight`, extents });
    add('attn_norm', dim);
    for (const part of ['q', 'k', 'v', 'output']) add(`attn_${part}`, dim, dim);
    add('ffn_norm', dim);
    add('ffn_gate', dim, mlp);
    add('ffn_up', dim, mlp);
    add('ffn_down', mlp, dim);
  }
  found.push({ name: 'output_norm.weight', extents: [dim] });
  found.push({ name: 'output.weight', extents: [dim, vocabulary] });
  return found;
}

const countOf = ({ extents }: Matrix): number => extents.reduce((product, e) => product * e, 1);
const isVector = ({ extents }: Matrix): boolean => extents.length === 1; // norms, kept in f32

/** Of a trained matrix's size: signs and mantissas are random, the exponent is that of 1 / sqrt(fan). */
function noise(matrix: Matrix): Buffer {
  const count = countOf(matrix);
  if (isVector(matrix)) return Buffer.from(new Float32Array(count).fill(1).buffer);
  const exponent = (127 + Math.round(Math.log2(matrix.extents[0]! ** -0.5))) << 7;
  const values = new Uint16Array(count);
  let state = 88172645;
  for (let i = 0; i < count; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    values[i] = exponent | (state & 0x807f);
  }
  return Buffer.from(values.buffer);
}

/** The file appears under its name when it is whole. */
export function writeGguf(path: string, shape: LlamaShape): void {
  const all = matrices(shape);
  const { bytes, count } = metadata(shape);
  const head = new Bytes().add(Buffer.from('GGUF')).u32(3).u64(all.length).u64(count);
  head.add(bytes.done());
  const padding = (length: number) => Buffer.alloc((alignment - (length % alignment)) % alignment);
  let offset = 0;
  for (const matrix of all) {
    head.text(matrix.name).u32(matrix.extents.length);
    for (const extent of matrix.extents) head.u64(extent);
    head.u32(isVector(matrix) ? stored.f32 : stored.bf16).u64(offset);
    const size = countOf(matrix) * (isVector(matrix) ? 4 : 2);
    offset += size + padding(size).length;
  }
  const file = openSync(`${path}.part`, 'w');
  const write = (data: Buffer) => {
    for (let at = 0; at < data.length; ) at += writeSync(file, data, at);
    writeSync(file, padding(data.length));
  };
  write(head.done());
  for (const matrix of all) write(noise(matrix));
  closeSync(file);
  renameSync(`${path}.part`, path);
}
