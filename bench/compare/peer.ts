/** A peer is a process that times the same shapes on request: a line asks, a line answers. */

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** What a peer is asked for, in the words of its program: an op and its shape. */
export type PeerRequest = { readonly op: string } & Readonly<
  Record<string, string | number | boolean>
>;

export interface Peer {
  readonly name: string;
  /** Median seconds of one call, or why there is none. */
  time(request: PeerRequest, seconds: number): Promise<number | string>;
  /** The whole answer: `seconds` and what else the program says, or `error`. */
  ask(request: PeerRequest, seconds: number): Promise<Readonly<Record<string, unknown>>>;
  close(): void;
}

export interface PeerProgram {
  /** Of the library, in messages. */
  readonly library: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The name with its version, from the first line of the program. */
  readonly name: (hello: Readonly<Record<string, unknown>>) => string;
}

/**
 * Starts the program of a peer. It writes a line of JSON when it is ready, then for each line of JSON
 * it reads, `{op, ...shape, seconds}`, one with `seconds` (the median of one call) or `error`.
 *
 * @returns the peer, or the reason there is none
 */
export async function startPeer(program: PeerProgram): Promise<Peer | string> {
  const child = spawn(program.command, program.args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...program.env },
  });
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
  if (!hello) return `${program.library} did not start: ${reasonIn(complaint)}`;
  const ask: Peer['ask'] = async (request, seconds) => {
    child.stdin.write(`${JSON.stringify({ ...request, seconds })}\n`);
    return (await reply()) ?? { error: complaint };
  };
  return {
    name: program.name(hello),
    ask,
    async time(request, seconds) {
      const answer = await ask(request, seconds);
      return typeof answer.seconds === 'number' ? answer.seconds : String(answer.error);
    },
    close: () => child.stdin.end(),
  };
}

/** The line of a program's last words that says why: Python ends with it, Node has it in the middle. */
function reasonIn(complaint: string): string {
  const lines = complaint.trim().split('\n');
  return lines.find((line) => /^\w*Error\b/.test(line)) ?? (lines.at(-1) || 'it ended in silence');
}
