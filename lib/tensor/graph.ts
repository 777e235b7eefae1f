import type { Device } from './device.ts';

/**
 * Recorded work that can be replayed. It keeps the tensors it touches alive until it is disposed of.
 */
export class Graph<T = unknown> {
  readonly device: Device;
  /** What the recorded function returned. Each replay writes the tensors in it anew. */
  readonly result: T;
  private readonly handle: number;

  /** @internal */
  constructor(device: Device, handle: number, result: T) {
    this.device = device;
    this.handle = handle;
    this.result = result;
  }

  /** Enqueues the recorded work once more. */
  replay(): void {
    this.device.call((native) => native.replay(this.handle));
  }

  /** Lets go of the recording. Does nothing twice. */
  dispose(): void {
    this.device.native.disposeGraph(this.handle);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
