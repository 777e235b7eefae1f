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

/** @returns the state of the first GPU, or why there is none */
export function gpuState(): GpuState | string {
  const fields = Object.values(queries).join(',');
  const args = [`--query-gpu=${fields}`, '--format=csv,noheader,nounits', '--id=0'];
  const { status, stdout, error } = spawnSync('nvidia-smi', args, { encoding: 'utf8' });
  if (status !== 0) return error ? `nvidia-smi: ${error.message}` : stdout.trim();
  const values = stdout.trim().split(',');
  const named = Object.keys(queries).map((key, i) => [key, values[i]?.trim() ?? '']);
  return Object.fromEntries(named) as GpuState;
}

/** MiB of the GPU's memory that are in use, by anyone; undefined where there is no GPU. */
export function usedMiB(): number | undefined {
  const state = gpuState();
  return typeof state === 'string' ? undefined : Number(state.usedMiB);
}
