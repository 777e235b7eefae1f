// Checkpoints written anew as safetensors, tensor by tensor and piece by piece: the file read may be
// larger than memory.
import { quoted, weightsError } from './byte_source.ts';
import { asFloats, asRows, type OnConverted } from './converted_tensor.ts';
import { keptAs } from './element_values.ts';
import { readPieces } from './stored_tensor.ts';
import { type FoundTensor, type WeightFiles, WeightSource } from './weight_source.ts';
import type { TensorToWrite } from './write_safetensors.ts';
import { type WriteShardsOptions, type WrittenShards, writeShards } from './write_shards.ts';

/** What becomes of the tensors of a checkpoint. */
export interface ConvertOptions extends WriteShardsOptions {
  /**
   * What floats become. `keep`, unless told: what they are. `int8`: matrices of linear layers and
   * kernels of convolutions become 8-bit rows with a scale each, as `Weights` reads them, and all else
   * is kept. `f32` and `bf16` turn such rows into floats again. Integers are kept.
   */
  readonly dtype?: 'keep' | 'f32' | 'bf16' | 'int8' | undefined;
  /** Is called when a tensor of floats has another dtype than before. */
  readonly onConverted?: OnConverted | undefined;
}

/** What was written. */
export interface Converted extends WrittenShards {
  readonly tensors: number;
}

/**
 * Writes the tensors of a checkpoint as safetensors, under the same names; see `writeShards`.
 *
 * Rejects with `ERR_WEIGHTS` when the checkpoint cannot be read, or when an infinite value is to be
 * rounded to 8 bits.
 *
 * @param input   as `Weights.open` takes it
 * @param output  the `.safetensors` to be written
 */
export async function convertWeights(
  input: WeightFiles,
  output: string,
  { dtype = 'keep', onConverted = () => {}, ...shards }: ConvertOptions = {},
): Promise<Converted> {
  const source = new WeightSource(input);
  try {
    const tensors = planned(source, dtype, onConverted);
    return { ...(await writeShards(output, tensors, shards)), tensors: tensors.size };
  } finally {
    source.close();
  }
}

function planned(
  source: WeightSource,
  dtype: 'keep' | 'f32' | 'bf16' | 'int8',
  onConverted: OnConverted,
): ReadonlyMap<string, TensorToWrite> {
  const tensors = new Map<string, TensorToWrite>();
  for (const name of source.names()) {
    for (const [part, tensor] of converted(source, name, dtype, onConverted)) {
      if (tensors.has(part))
        throw weightsError(source.path, `tensor ${quoted(part)}`, 'one', 'two');
      tensors.set(part, tensor);
    }
  }
  return tensors;
}

/** What becomes of a tensor. */
function converted(
  source: WeightSource,
  name: string,
  dtype: 'keep' | 'f32' | 'bf16' | 'int8',
  onConverted: OnConverted,
): readonly (readonly [string, TensorToWrite])[] {
  const found = source.get(name)!;
  const { dtype: from } = found.stored;
  const isFloat = keptAs[from] === 'f32' || keptAs[from] === 'bf16';
  const unchanged = [[name, kept(found)] as const];
  if (dtype === 'keep') return unchanged;
  if (dtype === 'int8') {
    return isFloat && isMatrix(name, found) ? asRows(name, found, onConverted) : unchanged;
  }
  const to = dtype === 'f32' ? 'F32' : 'BF16';
  const rows = name.endsWith('_scale') ? name.slice(0, -'_scale'.length) : undefined;
  if (rows !== undefined && scaleOf(source, rows)) return []; // goes into its rows
  const scale = scaleOf(source, name);
  if (from === to || (!isFloat && !scale)) return unchanged;
  return [[name, asFloats(name, found, to, scale, onConverted)]];
}

/** Of linear layers, and of convolutions: `[outputs, inputs, height, width]`. */
const matrixRanks = [2, 4];

/**
 * Whether a tensor is the matrix of a linear layer or holds the kernels of a convolution, and is named
 * so: neither a table that is looked up in nor the weights of norms, which can be of rank 2 too.
 */
const isMatrix = (name: string, { stored }: FoundTensor): boolean =>
  matrixRanks.includes(stored.shape.length) &&
  stored.shape.every((n) => n > 0) &&
  /(?:^|\.)weight$/.test(name) &&
  !/emb|norm/.test(name);

/** The scales of 8-bit rows, where a tensor is that. */
function scaleOf(source: WeightSource, name: string): FoundTensor | undefined {
  const rows = source.get(name)?.stored;
  const scale = source.get(`${name}_scale`);
  const isScale = scale?.stored.dtype === 'F32' && scale.stored.shape.length === 1;
  if (!isScale || rows?.dtype !== 'I8' || !matrixRanks.includes(rows.shape.length)) return;
  return scale.stored.shape[0] === rows.shape[0] ? scale : undefined;
}

const kept = ({ source, stored }: FoundTensor): TensorToWrite => ({
  dtype: stored.dtype,
  shape: stored.shape,
  elements: () => readPieces(source, stored),
});
