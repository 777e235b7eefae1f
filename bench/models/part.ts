/** What a bench of a part of the model states: how it is built and called, and the peer's name of it. */

import type { Device, Tensor, Weights } from '../../lib/index.ts';
import type { PeerRequest } from '../compare/peer.ts';
import type { Float } from '../ops/case.ts';

export interface ModelPart {
  readonly name: string;
  /** Sizes in words. */
  readonly shape: string;
  readonly dtype: Float;
  /** The part of compare/torch_models.py and its sizes; files and dtype are added. */
  readonly torch: PeerRequest;
  /** Builds the part of fresh weights, which it asks for under the names of released files. */
  readonly prepare: (device: Device, w: Weights) => PreparedPart;
}

export interface PreparedPart {
  /** What both are given. */
  readonly input: Tensor;
  /** Enqueues the part once. */
  readonly run: () => Tensor;
}
