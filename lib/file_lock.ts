import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { StylearError } from './error.ts';
import { loadAddon, type NativeAddon, type NativeLock } from './native.ts';

/**
 * Takes the lock of a file, which nobody else has until it is released or this process ends, however it
 * ends. It is a lock of the kernel: what the file says is for people, and a file that nobody holds is
 * free. Where the kernel does not know of each other's locks (some network file systems between two
 * machines), it does not keep two runs apart.
 *
 * @param path  of a file that is made for it, and removed when it is released
 * @param what  it stands for, for errors
 * @throws `ERR_INPUT` when somebody has it, this process included, or the file cannot be made
 */
export function takeLock(path: string, what: string): FileLock {
  const addon = loadAddon();
  const taken = attempt(() =>
    addon.lockFile(resolve(path), `process ${process.pid} on ${hostname()}\n`),
  );
  if ('lock' in taken) return new FileLock(addon, taken.lock);
  // It may not have been written yet.
  const [holder = 'another'] = /^process \d+ on .+$/m.exec(taken.holder) ?? [];
  const message = `${path}: expected no other run to hold ${what}, got ${holder}. Wait for its end.`;
  throw new StylearError('ERR_INPUT', message);
}

/** A lock that is held. */
export class FileLock implements Disposable {
  private readonly addon: NativeAddon;
  private readonly lock: NativeLock;

  /** Use {@link takeLock}. */
  constructor(addon: NativeAddon, lock: NativeLock) {
    this.addon = addon;
    this.lock = lock;
  }

  /** Removes the file and lets go of it; a second time does nothing. */
  release(): void {
    this.addon.unlockFile(this.lock);
  }

  [Symbol.dispose](): void {
    this.release();
  }
}

function attempt<T>(action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw StylearError.from(error);
  }
}
