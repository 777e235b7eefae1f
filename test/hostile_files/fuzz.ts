import { getHeapStatistics } from 'node:v8';
import { type ErrorCode, StylearError } from '../../lib/error.ts';
import type { ByteSource } from '../../lib/weights/byte_source.ts';
import { damaged } from '../support/damaged.ts';
import { uniform } from '../support/numbers.ts';
import { processorMs } from '../support/processor_ms.ts';

/** An input that takes more of the processor's time is a hang. */
const mostMs = 100;
/** Of buffers that are as large for a small file. */
const freeBuffers = 2 ** 14;
/** Objects of JavaScript for a byte of a file; an empty dict of one byte is some 300. */
const mostHeapPerByte = 1024;
const freeHeap = 2 ** 20;

/** A reader of files that others made. */
export interface FuzzTarget {
  readonly name: string;
  /** Files that it reads. */
  readonly seeds: readonly Buffer[];
  /** Of its refusals. */
  readonly code: ErrorCode;
  /** Reads a file, or refuses it. */
  read(source: ByteSource, bytes: Buffer): void;
}

/** What came of damaged files. */
export interface Fuzzed {
  readonly inputs: number;
  readonly refused: number;
  readonly seconds: number;
  /** Of the slowest input, its best time of a few. */
  readonly slowestMs: number;
  /** Bytes of buffers, garbage among them, for an input: the most. */
  readonly mostBuffers: number;
  /** Bytes of objects, garbage among them, for an input: the most. */
  readonly mostHeap: number;
}

/**
 * Reads damaged forms of a target's files; see {@link tried}.
 *
 * Throws with the input when one is not read or refused as it should be.
 *
 * @param stop  is asked between inputs, with their count
 */
export function fuzz(target: FuzzTarget, seed: number, stop: (inputs: number) => boolean): Fuzzed {
  const next = uniform(seed);
  const below = (n: number) => Math.floor(n * next());
  const begun = performance.now();
  let [inputs, refused, slowestMs, mostBuffers, mostHeap] = [0, 0, 0, 0, 0];
  for (; !stop(inputs); inputs++) {
    let bytes = target.seeds[below(target.seeds.length)]!;
    // Damage upon damage gets further from what is written.
    for (let rounds = 1 + (below(8) === 0 ? below(8) : 0); rounds > 0; rounds--) {
      bytes = damaged(bytes, below);
    }
    const { read, ms, buffers, heap } = tried(target, bytes);
    if (!read) refused++;
    slowestMs = Math.max(slowestMs, ms);
    mostBuffers = Math.max(mostBuffers, buffers);
    mostHeap = Math.max(mostHeap, heap);
  }
  const seconds = (performance.now() - begun) / 1000;
  return { inputs, refused, seconds, slowestMs, mostBuffers, mostHeap };
}

/** What came of a file. */
export interface Tried {
  /** Whether it was read, and not refused. */
  readonly read: boolean;
  readonly ms: number;
  /** Bytes of buffers. */
  readonly buffers: number;
  /** Bytes of objects. */
  readonly heap: number;
}

/**
 * Reads a file that may be anything. It must be read, or refused with the target's code and a message in
 * the form that all have; within 100 ms of the processor's time; with buffers of at most twice its size.
 */
export function tried(target: FuzzTarget, bytes: Buffer): Tried {
  const wrong: Wrong = (what, cause) => {
    const shown = bytes.length > 4096 ? `${bytes.length} bytes` : bytes.toString('latin1');
    return new Error(`${target.name}: ${what}: ${shown}`, { cause });
  };
  const size = Math.max(1, bytes.length);
  const mostBuffers = 2 * size + freeBuffers;
  const mostHeap = mostHeapPerByte * size + freeHeap;
  const isLarge = ({ ms, buffers, heap }: Tried): boolean =>
    ms > mostMs / 10 || buffers > mostBuffers || heap > mostHeap;
  let least = measured(target, bytes, wrong);
  // A collection of garbage may fall into one, which makes it longer, and what it took smaller than
  // nothing; what is really slow or large is so again.
  const lesser = (a: number, b: number) => (b < 0 ? a : Math.min(a, b));
  for (let again = 0; again < 4 && isLarge(least); again++) {
    const { ms, buffers, heap } = measured(target, bytes, wrong);
    least = {
      read: least.read,
      ms: Math.min(ms, least.ms),
      buffers: lesser(least.buffers, buffers),
      heap: lesser(least.heap, heap),
    };
  }
  const { ms, buffers, heap } = least;
  if (ms > mostMs) throw wrong(`took ${ms.toFixed(0)} ms`);
  if (buffers > mostBuffers) throw wrong(`took ${buffers} bytes of buffers for ${size}`);
  if (heap > mostHeap) throw wrong(`took ${heap} bytes for ${size}`);
  return least;
}

function measured(target: FuzzTarget, bytes: Buffer, wrong: Wrong): Tried {
  const before = getHeapStatistics();
  const start = processorMs();
  const read = attempt(target, bytes, wrong);
  const ms = processorMs() - start;
  const after = getHeapStatistics();
  const buffers = after.external_memory - before.external_memory;
  return { read, ms, buffers, heap: after.used_heap_size - before.used_heap_size };
}

type Wrong = (what: string, cause?: unknown) => Error;

/** @returns whether it was read */
function attempt(target: FuzzTarget, bytes: Buffer, wrong: Wrong): boolean {
  try {
    target.read(asFile(bytes), bytes);
    return true;
  } catch (error) {
    if (!(error instanceof StylearError && error.code === target.code)) {
      throw wrong(`threw ${error}`, error);
    }
    if (!/^.+: expected .+ to be .+, got .+/s.test(error.message) || error.message.length > 800) {
      throw wrong(`said ${error.message}`, error);
    }
    return false;
  }
}

/** Bytes that are read as a file's are: each time into memory of its own. */
function asFile(bytes: Buffer): ByteSource {
  const read = (offset: number, length: number): Buffer => {
    if (!(offset >= 0 && length >= 0 && offset + length <= bytes.length)) {
      throw new Error(`read outside of the file: ${offset}, ${length}`);
    }
    const part = Buffer.allocUnsafeSlow(length);
    bytes.copy(part, 0, offset, offset + length);
    return part;
  };
  return { path: 'damaged', bytes: bytes.length, read };
}
