/** PyTorch beside us, where `STYLEAR_PYTHON` (python3 unless told) has it: torch_ops.py. */

import path from 'node:path';

import { type Peer, startPeer } from './peer.ts';

/** @returns the peer, or the reason there is none */
export function openTorch(threads: number, root: string): Promise<Peer | string> {
  return startPeer({
    library: 'PyTorch',
    command: process.env.STYLEAR_PYTHON ?? 'python3',
    args: [path.join(root, 'bench', 'compare', 'torch_ops.py'), String(threads)],
    name: ({ version }) => `PyTorch ${version}`,
  });
}
