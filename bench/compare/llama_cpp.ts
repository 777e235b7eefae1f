/**
 * llama.cpp beside us: the libraries inside the npm package `@node-llama-cpp/linux-x64`, driven from C++
 * (llama_cpp.cc), since JavaScript around them costs as much again.
 */

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';

import { type LlamaShape, writeGguf } from './gguf.ts';
import { findPackage } from './installed.ts';
import { type Peer, startPeer } from './peer.ts';

const packageName = '@node-llama-cpp/linux-x64';

/** @returns the peer on a model of this shape, or the reason there is none */
export async function openLlamaCpp(
  threads: number,
  root: string,
  shape: LlamaShape,
): Promise<Peer | string> {
  const found = findPackage(packageName);
  if (typeof found === 'string') return found;
  const folder = path.join(root, 'build', 'bench');
  mkdirSync(folder, { recursive: true });
  const program = path.join(folder, 'llama_cpp');
  const source = path.join(root, 'bench', 'compare', 'llama_cpp.cc');
  execFileSync('c++', ['-std=c++20', '-O2', source, '-o', program, '-ldl'], { stdio: 'inherit' });
  const { layers, dim, heads, mlp, vocabulary } = shape;
  const words = [layers, dim, heads, mlp, vocabulary].join('-');
  const model = path.join(folder, `llama-${words}.gguf`);
  if (!existsSync(model)) writeGguf(model, shape);
  const libraries = path.join(found.folder, 'bins', 'linux-x64');
  return startPeer({
    library: 'llama.cpp',
    command: program,
    args: [libraries, model, String(threads)],
    env: { LD_LIBRARY_PATH: libraries },
    name: () => `llama.cpp of ${packageName} ${found.version}`,
  });
}
