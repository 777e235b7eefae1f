/**
 * The process of the onnxruntime peer (peer.ts): `onnxruntime_ops.js PACKAGE_FOLDER THREADS`. Its one
 * op is `vit_block`: pre-norm transformer blocks with biases and exact GELU in f32, as CLIP has them.
 */

import { createRequire } from 'node:module';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { createInterface } from 'node:readline';

import { median } from '../measure.ts';
import { OnnxModel } from './onnx_model.ts';

interface Session {
  run(feeds: Readonly<Record<string, unknown>>): Promise<unknown>;
  release(): Promise<void>;
}
/** The part of onnxruntime-node that is used. */
interface Onnxruntime {
  readonly InferenceSession: { create(model: Uint8Array, options: object): Promise<Session> };
  readonly Tensor: new (type: 'float32', data: Float32Array, dims: readonly number[]) => unknown;
}

/** The shape of a request. */
interface VitBlocks {
  readonly images: number;
  readonly tokens: number;
  readonly dim: number;
  readonly heads: number;
  readonly mlp: number;
  readonly blocks: number;
}

let state = 12345;
function noise(count: number, scale: number): Float32Array {
  return Float32Array.from({ length: count }, () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return ((state >>> 0) / 2 ** 31 - 1) * scale;
  });
}

function vitModel({ images, tokens, dim, heads, mlp, blocks }: VitBlocks): Buffer {
  const model = new OnnxModel();
  const one = (op: string, inputs: readonly string[], attributes = {}): string =>
    model.node(op, inputs, attributes)[0]!;
  const vector = (size: number) => model.tensor(noise(size, 0.05), [size]);
  const linear = (x: string, from: number, to: number) => {
    const weight = model.tensor(noise(from * to, 0.05), [from, to]);
    return one('Add', [one('MatMul', [x, weight]), vector(to)]);
  };
  const norm = (x: string) =>
    one('LayerNormalization', [x, vector(dim), vector(dim)], { axis: -1n, epsilon: 1e-5 });
  const extents = (values: readonly number[]) =>
    model.tensor(BigInt64Array.from(values.map(BigInt)), [values.length]);
  const [asHeads, asRows] = [
    extents([images, tokens, 3, heads, dim / heads]),
    extents([images, tokens, dim]),
  ];
  const first = extents([0]);
  const scale = model.tensor(Float32Array.of((dim / heads) ** -0.5), [1]);

  let x = model.input('x', [images, tokens, dim]);
  for (let block = 0; block < blocks; block++) {
    const qkv = one('Reshape', [linear(norm(x), dim, 3 * dim), asHeads]);
    const parts = model.node(
      'Split',
      [one('Transpose', [qkv], { perm: [2n, 0n, 3n, 1n, 4n] })],
      { axis: 0n, num_outputs: 3n },
      3,
    );
    const [q, k, v] = parts.map((part) => one('Squeeze', [part, first])) as [
      string,
      string,
      string,
    ];
    const scores = one('MatMul', [
      one('Mul', [q, scale]),
      one('Transpose', [k], { perm: [0n, 1n, 3n, 2n] }),
    ]);
    const mixed = one('MatMul', [one('Softmax', [scores], { axis: -1n }), v]);
    const rows = one('Reshape', [one('Transpose', [mixed], { perm: [0n, 2n, 1n, 3n] }), asRows]);
    x = one('Add', [x, linear(rows, dim, dim)]);
    const inner = one('Gelu', [linear(norm(x), dim, mlp)]);
    x = one('Add', [x, linear(inner, mlp, dim)]);
  }
  model.output(x, [images, tokens, dim]);
  return model.done();
}

async function measure(
  onnxruntime: Onnxruntime,
  threads: number,
  request: VitBlocks & { readonly op: string; readonly seconds: number },
): Promise<number> {
  if (request.op !== 'vit_block') throw new Error(`no such op: ${request.op}`);
  const { images, tokens, dim } = request;
  const session = await onnxruntime.InferenceSession.create(vitModel(request), {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
    executionProviders: ['cpu'],
  });
  const x = new onnxruntime.Tensor('float32', noise(images * tokens * dim, 1), [
    images,
    tokens,
    dim,
  ]);
  for (let i = 0; i < 2; i++) await session.run({ x });
  const times: number[] = [];
  const end = performance.now() + request.seconds * 1e3;
  while (times.length < 5 || performance.now() < end) {
    const begin = performance.now();
    await session.run({ x });
    times.push((performance.now() - begin) / 1e3);
  }
  await session.release();
  return median(times);
}

const [folder, threads] = process.argv.slice(2) as [string, string];
const onnxruntime: Onnxruntime = createRequire(path.join(folder, 'package.json'))(folder);
console.log('{}');
for await (const line of createInterface({ input: process.stdin })) {
  const reply = await measure(onnxruntime, Number(threads), JSON.parse(line)).then(
    (seconds) => ({ seconds }),
    (error: Error) => ({ error: error.message }),
  );
  console.log(JSON.stringify(reply));
}
