import type { Device } from '../tensor/device.ts';
import { openDevice } from '../tensor/open_device.ts';

/** The options of commands that can be stopped and go on. */
export interface StoppableOptions {
  /** Such as cpu or cuda; the best there is unless told. */
  readonly device?: string | undefined;
  /** Of the CPU. */
  readonly threads?: number | undefined;
}

/** Ctrl-C, a request to end, and a terminal that is gone. */
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * A long run of what a config describes: prints the config with its defaults, opens the device, and
 * is stopped as `untilStopped` says.
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
  return await untilStopped(async (signal) => {
    await using device = await openDevice(name, threads === undefined ? {} : { threads });
    return await run(device, signal);
  });
}

/**
 * A long run that goes on where it was stopped. The first interruption (SIGINT, SIGTERM, SIGHUP) aborts
 * the signal, the second one ends the process. A run that rejects with the reason of that signal was
 * stopped, which is printed and no error.
 *
 * @param run  @returns the exit status
 * @returns    the exit status: that of `run`, 1 when it was stopped
 */
export async function untilStopped(run: (signal: AbortSignal) => Promise<number>): Promise<number> {
  const controller = new AbortController();
  const { signal } = controller;
  const forget = () => {
    for (const name of signals) process.off(name, stop);
  };
  const stop = (name: NodeJS.Signals) => {
    forget();
    // What is printed to a terminal that is gone must not keep the run from saving.
    if (name === 'SIGHUP')
      for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
    controller.abort();
  };
  for (const name of signals) process.on(name, stop);
  try {
    return await run(signal);
  } catch (error) {
    if (!signal.aborted || error !== signal.reason) throw error;
    console.log('stopped; the same command goes on');
    return 1;
  } finally {
    forget();
  }
}
