// What the driver's own tool says of the GPU; nothing where there is none.
import { spawnSync } from 'node:child_process';

const queries = {
  name: 'name',
  driver: 'driver_version',
  memoryMiB: 'memory.total',
  usedMiB: 'memory.used',
  smClockMHz: 'clocks.sm',
  maxSmClockMHz: 'clocks.max.sm',
  memoryClockMHz: 'clocks.mem',
  maxMemoryClockMHz: 'clocks.max.mem',
  powerW: 'power.draw',
  temperatureC: 'temperature.gpu',
} as const;

export type GpuState = Readonly<Record<keyof typeof queries, string>>;

/** A GPU that hangs makes the tool hang. */
const longestMs = 10_000;

/**
 * @param fields  as `nvidia-smi --help-query-gpu` names them
 * @returns       what it says of the first GPU, or why it says nothing
 */
export function queryGpu(fields: readonly string[]): string[] | string {
  const args = [`--query-gpu=${fields}`, '--format=csv,noheader,nounits', '--id=0'];
  const options = { encoding: 'utf8', timeout: longestMs, killSignal: 'SIGKILL' } as const;
  const { status, stdout, error } = spawnSync('nvidia-smi', args, options);
  if (status !== 0) return error ? `nvidia-smi: ${error.message}` : stdout.trim();
  const values = stdout.trim().split(',');
  return fields.map((_, i) => values[i]?.trim() ?? '');
}

/** @returns the state of the first GPU, or why there is none */
export function gpuState(): GpuState | string {
  const values = queryGpu(Object.values(queries));
  if (typeof values === 'string') return values;
  return Object.fromEntries(Object.keys(queries).map((key, i) => [key, values[i]])) as GpuState;
}

/** MiB of the GPU's memory that are in use, by anyone; undefined where that is not told. */
export function usedMiB(): number | undefined {
  const state = gpuState();
  const used = typeof state === 'string' ? Number.NaN : Number.parseFloat(state.usedMiB);
  return Number.isNaN(used) ? undefined : used; // some answer [N/A]
}
