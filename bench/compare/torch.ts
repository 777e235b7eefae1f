/** PyTorch beside us: a process that times the same shapes on request, or nothing where it is not. */

import { spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';

/** The op of torch_ops.py and its shape, in the words of that file. */
export type TorchRequest = { readonly op: string } & Readonly<
  Record<string, string | number | boolean>
>;

export interface Peer {
  readonly name: string;
  /** Median seconds of one call, or why there is none. */
  time(request: TorchRequest, seconds: number): Promise<number | string>;
  close(): void;
}

/** @returns the peer, or the reason there is none. `STYLEAR_PYTHON` names the interpreter. */
export async function openTorch(threads: number, root: string): Promise<Peer | string> {
  const python = process.env.STYLEAR_PYTHON ?? 'python3';
  const script = path.join(root, 'bench', 'compare', 'torch_ops.py');
  const child = spawn(python, [script, String(threads)], { stdio: ['pipe', 'pipe', 'pipe'] });
  let complaint = '';
  child.stderr.on('data', (data) => {
    complaint = `${complaint}${data}`.slice(-500);
  });
  child.stdin.on('error', () => undefined); // a peer that ended is seen by the end of its lines
  child.on('error', (error) => {
    complaint = error.message;
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const reply = async (): Promise<Record<string, unknown> | undefined> => {
    const line = await lines.next();
    return line.done ? undefined : JSON.parse(line.value);
  };
  const hello = await reply();
  if (!hello) return `PyTorch did not start: ${complaint.trim().split('\n').pop()}`;
  return {
    name: `PyTorch ${hello.version}`,
    async time(request, seconds) {
      child.stdin.write(`${JSON.stringify({ ...request, seconds })}\n`);
      const answer = await reply();
      if (typeof answer?.seconds === 'number') return answer.seconds;
      return String(answer?.error ?? complaint);
    },
    close: () => child.stdin.end(),
  };
}
