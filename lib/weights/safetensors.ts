import { type ByteSource, isCount, quoted, weightsError } from './byte_source.ts';
import {
  countOf,
  maxRank,
  type StoredDtype,
  type StoredTensor,
  type StoredTensors,
  storedBytes,
} from './stored_tensor.ts';
import { type Json, type JsonObject, parseJsonObject } from './strict_json.ts';

const maxHeaderBytes = 100_000_000;

/** A safetensors file: where its tensors are, and what it says about itself. */
export interface Safetensors extends StoredTensors {
  /** What the header says about itself under `__metadata__`. */
  readonly metadata: ReadonlyMap<string, string>;
}

/**
 * Where the tensors of a safetensors file are: its header is 8 bytes of length and that many bytes
 * of JSON, the rest is tensors, each byte in exactly one of them.
 *
 * Throws `ERR_WEIGHTS` for whatever deviates from that.
 */
export function readSafetensors(source: ByteSource): Safetensors {
  const { path } = source;
  if (source.bytes < 8) {
    throw weightsError(path, 'the file', 'at least 8 bytes', `${source.bytes}`);
  }
  const length = source.read(0, 8).readBigUInt64LE();
  const longest = Math.min(source.bytes - 8, maxHeaderBytes);
  if (length > longest) {
    throw weightsError(path, 'the header length', `at most ${longest}`, `${length}`);
  }
  const begin = 8 + Number(length);
  if (length === 0n || source.read(8, 1)[0] !== 0x7b) {
    throw weightsError(path, 'the header', 'a JSON object that begins with {', 'something else');
  }
  const header = parseJsonObject(source, 'the header', 8, Number(length));
  const tensors = new Map<string, StoredTensor>();
  for (const [name, entry] of header) {
    if (name !== '__metadata__') tensors.set(name, tensorOf(path, name, entry, begin));
  }
  requireCover(source, tensors, begin);
  return { path, tensors, metadata: metadataOf(path, header.get('__metadata__')) };
}

function tensorOf(path: string, name: string, entry: Json, begin: number): StoredTensor {
  const wrong = (what: string, expected: string, got: Json | undefined) =>
    weightsError(path, `${what} of tensor ${quoted(name)}`, expected, describe(got));
  if (!isObject(entry)) throw wrong('the entry', 'an object', entry);
  for (const key of entry.keys()) {
    if (key !== 'dtype' && key !== 'shape' && key !== 'data_offsets') {
      throw wrong('the keys', 'dtype, shape and data_offsets', key);
    }
  }
  const dtype = entry.get('dtype');
  if (!isStoredDtype(dtype)) throw wrong('dtype', Object.keys(storedBytes).join(', '), dtype);
  const shape = entry.get('shape');
  if (!isCounts(shape) || shape.length > maxRank) {
    throw wrong('shape', `at most ${maxRank} whole numbers from 0`, shape);
  }
  const count = countOf(shape);
  const bytes = count === undefined ? Number.NaN : count * storedBytes[dtype];
  if (!isCount(bytes)) throw wrong('shape', 'that of a tensor with less than 2^53 bytes', shape);
  const offsets = entry.get('data_offsets');
  if (!isCounts(offsets) || offsets.length !== 2) {
    throw wrong('data_offsets', 'two whole numbers from 0', offsets);
  }
  const [first, end] = offsets as readonly [number, number];
  if (end - first !== bytes) {
    throw wrong('data_offsets', `${bytes} bytes apart, as dtype and shape say`, offsets);
  }
  return { dtype, shape, offset: begin + first, bytes };
}

/** In order of their offsets the tensors begin at the header's end, touch, and end with the file. */
function requireCover(
  source: ByteSource,
  tensors: ReadonlyMap<string, StoredTensor>,
  begin: number,
): void {
  const inOrder = [...tensors].sort(([, a], [, b]) => a.offset - b.offset || a.bytes - b.bytes);
  let end = begin;
  for (const [name, tensor] of inOrder) {
    if (tensor.offset !== end) {
      const what = `the first byte of tensor ${quoted(name)}`;
      throw weightsError(source.path, what, `${end}, where the last ends`, `${tensor.offset}`);
    }
    end += tensor.bytes;
  }
  if (end !== source.bytes) {
    const expected = `${end} bytes, as its header says`;
    throw weightsError(source.path, 'the file', expected, `${source.bytes}`);
  }
}

function metadataOf(path: string, entry: Json | undefined): ReadonlyMap<string, string> {
  if (entry === undefined) return new Map();
  const wrong = weightsError(path, '__metadata__', 'an object of strings', describe(entry));
  if (!isObject(entry)) throw wrong;
  const metadata = new Map<string, string>();
  for (const [key, value] of entry) {
    if (typeof value !== 'string') throw wrong;
    metadata.set(key, value);
  }
  return metadata;
}

const isObject = (value: Json): value is JsonObject => value instanceof Map;

const isStoredDtype = (value: Json | undefined): value is StoredDtype =>
  typeof value === 'string' && Object.hasOwn(storedBytes, value);

const isCounts = (value: Json | undefined): value is readonly number[] =>
  Array.isArray(value) && value.every(isCount);

function describe(value: Json | undefined): string {
  if (value === undefined) return 'nothing';
  if (value instanceof Map) return 'an object';
  const text = JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
