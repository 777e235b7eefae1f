const unit = 256;

/**
 * How much memory a device takes for a tensor: blocks are multiples of 256 bytes that have five
 * significant bits, as `native/core/pool.h` has them, so that a block is at most 1/16 larger than its
 * tensor. (A free block that is up to a quarter larger is taken rather than a new one made, and the
 * emulated GPU, which checks accesses, rounds nothing.)
 *
 * @param bytes  of the tensor
 */
export function blockBytes(bytes: number): number {
  const units = Math.max(1, Math.ceil(bytes / unit));
  const step = 2 ** Math.max(0, Math.floor(Math.log2(units)) - 4);
  return Math.ceil(units / step) * step * unit;
}
