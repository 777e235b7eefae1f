import { StylearError } from '../error.ts';
import { loadAddon, type NativeFile } from '../native.ts';
import type { Device } from './device.ts';
import type { Dtype } from './dtype.ts';
import type { Tensor } from './tensor.ts';

/**
 * A file as read-only memory, in which tensors may lie: a weight file. It stays mapped as long as
 * this object or a tensor on it is in use.
 */
export class MappedFile {
  /** Of the whole file. */
  readonly bytes: number;
  private readonly file: NativeFile;

  /** Throws `ERR_INPUT` when there is no such file, or nothing in it. */
  constructor(path: string) {
    try {
      const { file, bytes } = loadAddon().mapFile(path);
      this.file = file;
      this.bytes = bytes;
    } catch (error) {
      throw StylearError.from(error);
    }
  }

  /**
   * A tensor on bytes of the file: used in place on the CPU, where it cannot be written to, and
   * uploaded elsewhere.
   *
   * @param offset  of its first byte; where it is not a multiple of the element's size the bytes are
   *                copied
   */
  tensor(device: Device, offset: number, shape: readonly number[], dtype: Dtype): Tensor {
    return device.mapped(this.file, offset, shape, dtype);
  }
}
