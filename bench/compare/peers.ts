/** The peers that take part in a run, and what each is asked for. */

import type { OpCase } from '../ops/case.ts';
import type { LlamaShape } from './gguf.ts';
import { openLlamaCpp } from './llama_cpp.ts';
import { openOnnxruntime } from './onnxruntime.ts';
import type { Peer, PeerRequest } from './peer.ts';
import { openTorch } from './torch.ts';

/** One peer's part in a case: the ways it may take there, of which the fastest counts. */
export interface Contest {
  readonly peer: Peer | string;
  readonly requests: readonly PeerRequest[];
}

/** The peers by name, each opened when a case first asks for it. */
export class Peers {
  private readonly opened = new Map<string, Promise<Peer | string>>();
  private readonly threads: number;
  private readonly root: string;
  private readonly llama: LlamaShape;
  private readonly device: 'cpu' | 'cuda';

  /**
   * @param llama   the model of llama.cpp
   * @param device  ours: beside a GPU PyTorch uses it as well, and nobody else takes part
   */
  constructor(threads: number, root: string, llama: LlamaShape, device: string) {
    this.threads = threads;
    this.root = root;
    this.llama = llama;
    this.device = device.startsWith('cuda') ? 'cuda' : 'cpu';
  }

  async of(item: OpCase): Promise<Contest[]> {
    const dtype = item.dtype === 'f32' ? 'f32' : 'bf16';
    const contests: Contest[] = [];
    const add = async (
      name: string,
      open: () => Promise<Peer | string>,
      ...requests: (PeerRequest | undefined)[]
    ) => {
      const given = requests.filter((request) => request !== undefined);
      if (given.length === 0) return;
      if (!this.opened.has(name)) this.opened.set(name, open());
      const peer = (await this.opened.get(name)) ?? `no ${name}`;
      const { sets = 1 } = item;
      contests.push({ peer, requests: given.map((request) => ({ ...request, dtype, sets })) });
    };
    const { threads, root, llama, device } = this;
    const onGpu = device === 'cuda';
    const torchToo = onGpu ? undefined : item.torchToo;
    await add('torch', () => openTorch(threads, root, device), item.torch, torchToo);
    if (onGpu) return contests;
    await add('onnxruntime', () => openOnnxruntime(threads), item.onnxruntime);
    await add('llama.cpp', () => openLlamaCpp(threads, root, llama), item.llamaCpp);
    return contests;
  }

  /** What took part, or why it did not. */
  async names(): Promise<string[]> {
    const peers = await Promise.all(this.opened.values());
    return peers.map((peer) => (typeof peer === 'string' ? peer : peer.name));
  }

  async close(): Promise<void> {
    for (const peer of await Promise.all(this.opened.values()))
      if (typeof peer !== 'string') peer.close();
  }
}

/** Seconds of the fastest way, or why there is none. */
export async function measureContest(
  { peer, requests }: Contest,
  seconds: number,
): Promise<number | string> {
  if (typeof peer === 'string') return peer;
  let best: number | string = 'no answer';
  for (const request of requests) {
    const answer = await peer.time(request, seconds);
    if (typeof best === 'string' || (typeof answer === 'number' && answer < best)) best = answer;
  }
  return best;
}

/** The better of two answers; a time is better than a reason. */
export function better(a: number | string, b: number | string): number | string {
  if (typeof a === 'string') return b;
  return typeof b === 'string' ? a : Math.min(a, b);
}
