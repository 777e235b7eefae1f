import type { Device } from '../tensor/device.ts';
import { openDevice } from '../tensor/open_device.ts';

/** The options of commands that can be stopped and go on. */
export interface StoppableOptions {
  /** Such as cpu or cuda; the best there is unless told. */
  readonly device?: string | undefined;
  /** Of the CPU. */
  readonly threads?: number | undefined;
}

const signals = ['SIGINT', 'SIGTERM'] as const;

/**
 * A long run of what a config describes: prints the config with its defaults, opens the device, and
 * aborts the signal at an interruption (SIGINT, SIGTERM). A run that rejects with the reason of that
 * signal was stopped, which is printed and no error.
 *
 * @param run  @returns the exit status
 * @returns    the exit status: that of `run`, 1 when it was stopped
 */
export async function stoppable(
  config: object,
  { device: name, threads }: StoppableOptions,
  run: (device: Device, signal: AbortSignal) => Promise<number>,
): Promise<number> {
  console.log(JSON.stringify(config, undefined, 2));
  const controller = new AbortController();
  const { signal } = controller;
  const stop = () => controller.abort();
  for (const name of signals) process.once(name, stop);
  try {
    await using device = await openDevice(name, threads === undefined ? {} : { threads });
    return await run(device, signal);
  } catch (error) {
    if (!signal.aborted || error !== signal.reason) throw error;
    console.log('stopped; the same command goes on');
    return 1;
  } finally {
    for (const name of signals) process.off(name, stop);
  }
}
