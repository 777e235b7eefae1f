/** PyTorch beside us, where `STYLEAR_PYTHON` (python3 unless told) has it. */

import path from 'node:path';

import { type Peer, startPeer } from './peer.ts';

type TorchDevice = 'cpu' | 'cuda';

/** Single ops, by torch_ops.py. @returns the peer, or the reason there is none */
export const openTorch = (
  threads: number,
  root: string,
  device: TorchDevice,
): Promise<Peer | string> => open('torch_ops.py', threads, root, device);

/** Parts of the model, by torch_models.py. @returns the peer, or the reason there is none */
export const openTorchModels = (threads: number, root: string): Promise<Peer | string> =>
  open('torch_models.py', threads, root);

/** Steps of training, by torch_stages.py. @returns the peer, or the reason there is none */
export const openTorchStages = (threads: number, root: string): Promise<Peer | string> =>
  open('torch_stages.py', threads, root);

function open(
  program: string,
  threads: number,
  root: string,
  device: TorchDevice = 'cpu',
): Promise<Peer | string> {
  return startPeer({
    library: 'PyTorch',
    command: process.env.STYLEAR_PYTHON ?? 'python3',
    args: [path.join(root, 'bench', 'compare', program), String(threads), device],
    name: ({ version, transformers }) =>
      `PyTorch ${version}${transformers === undefined ? '' : `, transformers ${transformers}`}`,
  });
}
