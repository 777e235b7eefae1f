import { StylearError } from '../error.ts';
import { findLibraries, loadAddon, type NativeAddon, nativeFolder } from '../native.ts';
import { buildCommand } from '../package_folder.ts';
import { Device } from './device.ts';

/** How a device is opened. */
export interface OpenDeviceOptions {
  /** CPU threads that share an op; by default one per core that this process may use. */
  readonly threads?: number | undefined;
}

/** A device library, and how well it would run here. */
export interface DeviceKind {
  /** What `openDevice` takes: `cuda`, `cpu:avx512`, `cpu:avx2`, `cpu:portable`, `simt`. */
  readonly name: string;
  /** 0: not at all. */
  readonly score: number;
  /** Why not, when the score is 0. */
  readonly why: string;
}

interface Candidate extends DeviceKind {
  readonly path: string;
}

/** The device libraries of this installation, best first. */
export function listDevices(): DeviceKind[] {
  const all = candidates(loadAddon(), () => true);
  return all.map(({ name, score, why }) => ({ name, score, why }));
}

/**
 * Opens a device.
 *
 * @param name  `cuda`, or `cuda:1` for the second GPU; `cpu`, or `cpu:avx2` for an instruction set;
 *              `simt`, the emulated GPU, or `simt_cuda`, the CUDA device on an emulated runtime; by
 *              default the best there is, which is neither of these. The environment variable
 *              `STYLEAR_CPU=avx2` chooses the instruction set of `cpu`.
 *
 * Throws `ERR_BACKEND` with what was tried and what each attempt answered.
 */
export async function openDevice(name?: string, options: OpenDeviceOptions = {}): Promise<Device> {
  const { threads = 0 } = options;
  if (!Number.isInteger(threads) || threads < 0 || threads > 1024) {
    throw new StylearError(
      'ERR_VALUE',
      `openDevice: expected threads to be an integer from 1 to 1024, got ${threads}`,
    );
  }
  const addon = loadAddon();
  const wanted = parse(name);
  const tried: string[] = [];
  for (const candidate of candidates(addon, wanted.matches)) {
    if (candidate.score <= 0) {
      tried.push(`${candidate.name}: ${candidate.why || 'cannot run here'}`);
      continue;
    }
    try {
      return new Device(addon.open(candidate.path, threads, wanted.index), addon);
    } catch (error) {
      tried.push(`${candidate.name}: ${(error as Error).message}`);
    }
  }
  const got = tried.join('; ') || `no such library in ${nativeFolder()}`;
  // What a library answers ends in a full stop where it says what to do.
  const advice = got.endsWith('.') ? '' : `. ${wanted.advice()}`;
  throw new StylearError(
    'ERR_BACKEND',
    `openDevice: expected ${name ?? 'a device'} to open, got ${got}${advice}`,
  );
}

interface Wanted {
  readonly matches: (name: string) => boolean;
  readonly index: number;
  readonly advice: () => string;
}

function parse(name: string | undefined): Wanted {
  const level = process.env.STYLEAR_CPU;
  const isCpu = (name: string) => name === `cpu:${level}` || (!level && name.startsWith('cpu:'));
  const build = () => `Run ${buildCommand()} to build what this machine can run.`;
  if (name === undefined)
    return { matches: (name) => name === 'cuda' || isCpu(name), index: 0, advice: build };
  if (name === 'cpu') return { matches: isCpu, index: 0, advice: build };
  const gpu = /^cuda(?::(\d{1,3}))?$/.exec(name);
  if (gpu) {
    return {
      matches: (name) => name === 'cuda',
      index: Number(gpu[1] ?? 0),
      advice: () => 'Install the NVIDIA driver and run `npm run build:cuda`, or open `cpu`.',
    };
  }
  if (name === 'simt' || name === 'simt_cuda' || /^cpu:\w+$/.test(name)) {
    const advice = name.startsWith('simt') ? () => 'Run `npm run build:simt` to build it.' : build;
    return { matches: (candidate) => candidate === name, index: 0, advice };
  }
  throw new StylearError(
    'ERR_VALUE',
    `openDevice: expected name to be cuda, cuda:<index>, cpu, cpu:<level>, simt or simt_cuda, got '${name}'`,
  );
}

/**
 * The libraries that are wanted, with their scores, best first; one that does not load scores 0 and says
 * why. Others are not loaded: who wants the CPU has no use for the driver of a GPU.
 */
function candidates(addon: NativeAddon, matches: Wanted['matches']): Candidate[] {
  return findLibraries()
    .filter(({ name }) => matches(name))
    .map((library) => {
      try {
        const { score, why } = addon.score(library.path);
        return { ...library, score, why };
      } catch (error) {
        return { ...library, score: 0, why: (error as Error).message };
      }
    })
    .sort((a, b) => b.score - a.score || a.name.localeCompare(b.name));
}
