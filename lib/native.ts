// The one door to C++: finds the addon and the device libraries, and gives them types.
import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { StylearError } from './error.ts';
import { buildCommand, packageFolder } from './package_folder.ts';

/** What the addon exports. Its functions throw errors with a `code`; see native/addon. */
export interface NativeAddon {
  readonly build: string;
  readonly ops: readonly NativeOp[];
  score(path: string): { readonly name: string; readonly score: number; readonly why: string };
  open(path: string, threads: number, index: number): NativeDevice;
  mapFile(path: string): { readonly file: NativeFile; readonly bytes: number };
  /** `holder` is the text of the process that has it. */
  lockFile(path: string, text: string): { readonly lock: NativeLock } | { readonly holder: string };
  unlockFile(lock: NativeLock): void;
}

/** An op and its arguments, as native code describes it. */
export interface NativeOp {
  readonly name: string;
  readonly fields: readonly NativeField[];
}

/** An argument of an op. */
export interface NativeField {
  readonly name: string;
  readonly kind: 'tensor' | 'maybe_tensor' | 'number' | 'bool' | 'ints' | 'enum';
  /** The words of an enum, in order. */
  readonly values?: readonly string[];
}

/** A mapped file; closed when nothing refers to it any more. */
export type NativeFile = object & { readonly native: unique symbol };

/** A locked file; let go when nothing refers to it any more. */
export type NativeLock = object & { readonly nativeLock: unique symbol };

/** `(code, message)`, both undefined when all went well. */
export type NativeCallback = (code: string | undefined, message: string | undefined) => void;

/**
 * An open device. Tensors and graphs are numbers. What varies in length (the arguments of an op, the
 * extents of a shape) is passed in `buffer`.
 */
export interface NativeDevice {
  readonly buffer: Float64Array;
  readonly name: string;
  readonly threads: number;
  run(op: number): void;
  make(dtype: number, rank: number): number;
  map(file: NativeFile, offset: number, dtype: number, rank: number): number;
  slice(tensor: number, begin: number, end: number): number;
  reshape(tensor: number, rank: number): number;
  dispose(tensor: number): void;
  write(tensor: number, values: NodeJS.TypedArray): void;
  read(tensor: number, into: NodeJS.TypedArray, done: NativeCallback): void;
  idle(done: NativeCallback): void;
  beginRecording(): void;
  endRecording(): number;
  replay(graph: number): void;
  disposeGraph(graph: number): void;
  /** Fills `buffer`: tensors, storages, graphs, live bytes, live blocks, reserved bytes. */
  memory(): void;
  trim(): void;
  close(): void;
}

/** A device library beside the addon. */
export interface NativeLibrary {
  /** What `openDevice` knows it by: `cpu:avx2`, `cuda`, `simt`, `simt_cuda`. */
  readonly name: string;
  readonly path: string;
}

/** The folder that holds `stylear.node` and the device libraries. */
export function nativeFolder(): string {
  return process.env.STYLEAR_NATIVE_DIR ?? join(packageFolder(), 'build', 'Release');
}

/** Loads the addon; a second call returns the same. */
export function loadAddon(): NativeAddon {
  const path = join(nativeFolder(), 'stylear.node');
  if (!existsSync(path)) {
    throw new StylearError(
      'ERR_BACKEND',
      `native: expected ${path} to exist, got no such file. Run ${buildCommand()} ` +
        'or set STYLEAR_NATIVE_DIR to the folder of a build.',
    );
  }
  let addon: unknown;
  try {
    addon = createRequire(import.meta.url)(path);
  } catch (cause) {
    const { message, code } = cause as NodeJS.ErrnoException;
    const advice =
      code === 'ERR_DLOPEN_DISABLED'
        ? 'Start node with `--allow-addons`, or without `--no-addons`.'
        : `Run ${buildCommand()} to build it for this machine.`;
    throw new StylearError(
      'ERR_BACKEND',
      `native: expected ${path} to load, got ${message.replace(/\.$/, '')}. ${advice}`,
      { cause },
    );
  }
  requireCurrent(path, addon);
  return addon;
}

const functions = ['score', 'open', 'mapFile', 'lockFile', 'unlockFile'] as const;

/** Throws `ERR_BACKEND` for an addon of an older build, which lacks a function. */
export function requireCurrent(path: string, addon: unknown): asserts addon is NativeAddon {
  const lacking = functions.find((name) => typeof Object(addon)[name] !== 'function');
  if (!lacking) return;
  throw new StylearError(
    'ERR_BACKEND',
    `native: expected ${path} to be of this version of the package, got one without ${lacking}. ` +
      `Run ${buildCommand()} to build it anew.`,
  );
}

/** The device libraries of the folder, in no particular order. */
export function findLibraries(): NativeLibrary[] {
  const folder = nativeFolder();
  if (!existsSync(folder)) return [];
  return readdirSync(folder).flatMap((file) => {
    const name = /^stylear_(.+)\.so$/.exec(file)?.[1];
    return name ? [{ name: name.replace('cpu_', 'cpu:'), path: join(folder, file) }] : [];
  });
}
