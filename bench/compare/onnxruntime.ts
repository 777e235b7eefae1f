/** onnxruntime-node beside us, in a process of its own (onnxruntime_ops.ts). */

import path from 'node:path';

import { findPackage } from './installed.ts';
import { type Peer, startPeer } from './peer.ts';

/** @returns the peer, or the reason there is none */
export async function openOnnxruntime(threads: number): Promise<Peer | string> {
  const found = findPackage('onnxruntime-node');
  if (typeof found === 'string') return found;
  return startPeer({
    library: 'onnxruntime',
    command: process.execPath,
    args: [path.join(import.meta.dirname, 'onnxruntime_ops.js'), found.folder, String(threads)],
    name: () => `onnxruntime-node ${found.version}`,
  });
}
