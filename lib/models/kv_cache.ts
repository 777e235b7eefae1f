import type { PagedCache } from '../ops/paged_attention.ts';
import type { Device } from '../tensor/device.ts';
import { keep } from '../tensor/lifetime.ts';
import type { Tensor } from '../tensor/tensor.ts';

/** How large a cache of keys and values is. */
export interface KvCacheShape {
  readonly layers: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly pages: number;
  /** Tokens in a page. */
  readonly pageTokens: number;
}

/** What one step over the cache is given; all of it on the device, so that a step can be replayed. */
export interface CachedStep {
  /** `[sequences, tokens]`, i32: angles of the rotary embedding. */
  readonly positions: Tensor;
  /** `[sequences, tokens]`, i32: where each token goes in its sequence; a negative one goes nowhere.
   *  `positions` unless told. */
  readonly cachePositions?: Tensor | undefined;
  /** `[sequences]`, i32: tokens of each sequence, those of this step included. */
  readonly lengths: Tensor;
  /** `[sequences, maxPages]`, i32: the pages of each sequence, in order. */
  readonly table: Tensor;
}

/**
 * Keys and values of every layer in pages that sequences take and may share. Which pages belong to
 * whom is the caller's affair: a step brings its table. Kwon et al. 2023.
 */
export class KvCache {
  readonly shape: KvCacheShape;
  readonly bytes: number;
  private readonly pages: readonly { readonly kPages: Tensor; readonly vPages: Tensor }[];

  constructor(device: Device, shape: KvCacheShape, dtype: 'f32' | 'bf16') {
    const { layers, pages, kvHeads, pageTokens, headDim } = shape;
    const pool = () => keep(device.zeros([pages, kvHeads, pageTokens, headDim], dtype));
    this.shape = shape;
    this.pages = Array.from({ length: layers }, () => ({ kPages: pool(), vPages: pool() }));
    this.bytes = this.pages.reduce(
      (sum, { kPages, vPages }) => sum + kPages.bytes + vPages.bytes,
      0,
    );
  }

  /** What a layer's ops take. */
  layer(index: number, table: Tensor): PagedCache {
    return { ...this.pages[index]!, table };
  }

  dispose(): void {
    for (const { kPages, vPages } of this.pages) {
      kPages.dispose();
      vPages.dispose();
    }
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
