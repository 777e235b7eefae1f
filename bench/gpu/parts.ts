// What is run on a GPU, most important first: each a process of its own, so that one that crashes or
// hangs costs no other.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

import type { Command } from './command.ts';
import { type Folders, slugOf } from './results.ts';

export interface Setting extends Folders {
  /** The package: its files lie as in the repository. */
  readonly root: string;
  /** As `openDevice` takes it. */
  readonly device: string;
  /** The golden fixtures. */
  readonly fixtures: string;
}

export interface Part {
  readonly name: string;
  /** Whether something is right, or how fast it is. */
  readonly kind: 'check' | 'figures';
  /** The longest it may take. */
  readonly seconds: number;
  /** What is run, or why it cannot be here. */
  readonly command: (setting: Setting) => Command | string;
}

const program = (root: string, ...at: string[]): string =>
  path.join(root, 'build', 'bench', 'js', ...at);

/** A program of this package in TypeScript, compiled. */
const node = (root: string, file: string, ...args: string[]): Command => ({
  file: process.execPath,
  args: [program(root, ...file.split('/')), ...args],
});

const ofDevice = (file: string, ...args: string[]) => ({
  command: ({ root, device }: Setting): Command => node(root, file, ...args, '--device', device),
});

/** `stylear ...` */
const cli = (root: string, ...args: string[]): Command => ({
  file: process.execPath,
  args: [path.join(root, 'dist', 'cli', 'main.js'), ...args],
});

const verify = (dtype: 'f32' | 'bf16'): Part => ({
  name: `fixtures ${dtype}`,
  kind: 'check',
  seconds: 45,
  command: ({ root, device, fixtures }) =>
    cli(root, 'verify', fixtures, '--device', device, '--dtype', dtype),
});

/** The suites that run on every device, on this one alone: those of ops, or the others. */
const tests = (name: string, ofOps: boolean, seconds: number): Part => ({
  name,
  kind: 'check',
  seconds,
  command: ({ root, device, logs }) => {
    const vitest = path.join(root, 'node_modules', 'vitest', 'vitest.mjs');
    if (!existsSync(vitest)) return 'vitest is not installed';
    const report = path.join(logs, `${slugOf(name)}.json`);
    // The first tells of each file when it is done: what is ended by its time has told something.
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
    const files = deviceTests(root).filter((file) => file.startsWith('test/ops/') === ofOps);
    return {
      file: process.execPath,
      args: [vitest, 'run', ...files, '--maxWorkers=8', ...reporters],
      env: { STYLEAR_TEST_DEVICES: device, NO_COLOR: '1' },
    };
  },
});

/** Test files that open the devices that STYLEAR_TEST_DEVICES names. */
function deviceTests(root: string): string[] {
  return readdirSync(path.join(root, 'test'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.ts'))
    .map((file) => `test/${file}`)
    .filter((file) => {
      const text = readFileSync(path.join(root, file), 'utf8');
      return /support\/on_every_device\.ts|support\/golden\.ts/.test(text);
    });
}

/** A checker of the CUDA toolkit over every op, first at the sizes that have most of the edges. */
const sanitizer = (
  tool: 'memcheck' | 'racecheck' | 'initcheck' | 'synccheck',
  seconds: number,
): Part => ({
  name: tool,
  kind: 'check',
  seconds,
  command: ({ root, device }) => {
    const checker = found('compute-sanitizer');
    if (checker === undefined) return 'compute-sanitizer of the CUDA toolkit is not on the PATH';
    const time = ['--rounds', '2', '--seconds', `${Math.floor(seconds * 0.75)}`];
    const { file, args } = node(root, 'test/gpu/calls.js', '--device', device, ...time);
    const options = ['--tool', tool, '--error-exitcode', '9', '--print-limit', '20'];
    return { file: checker, args: [...options, '--target-processes', 'all', file, ...args] };
  },
});

/** A program on the PATH, or in the toolkit's usual place. */
export function found(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/local/cuda/bin'];
  return folders.map((folder) => path.join(folder, name)).find(existsSync);
}

/** The embedded model. */
const tiny = (root: string): string => path.join(root, 'models', 'tiny');

/** Cases of bench/run.ts beside the limits, and beside PyTorch where it is installed. */
const speed = (cases: 'gpu' | 'networks', name: string, seconds: number): Part => {
  const words = ['--cases', cases, '--seconds', '0.3', '--patience', '0'];
  return { name, kind: 'figures', seconds, ...ofDevice('bench/run.js', ...words) };
};

/** One thing of those that bench/gpu/seven_billion.ts measures. */
const released = (only: 'picture' | 'batch' | 'training', name: string, ...words: string[]) => ({
  name: `the released sizes: ${name}`,
  kind: 'figures' as const,
  seconds: 120,
  ...ofDevice('bench/gpu/seven_billion.js', '--only', only, ...words),
});

/**
 * The limits are some three times what parts should take. Up to memcheck they add up to less than ten
 * minutes.
 */
export const parts: readonly Part[] = [
  { name: 'gate', kind: 'check', seconds: 30, ...ofDevice('test/gpu/gate.js') },
  {
    name: 'every op, small',
    kind: 'check',
    seconds: 60,
    ...ofDevice('test/gpu/calls.js', '--rounds', '4', '--seconds', '45'),
  },
  {
    name: 'instructions',
    kind: 'check',
    seconds: 20,
    command: ({ root, device, out }) => {
      if (!device.startsWith('cuda')) return 'only a GPU has them';
      const outputs = path.join(root, 'build', 'gpu', 'ptx_outputs');
      if (!existsSync(outputs)) return 'build/gpu/ptx_outputs is not built: `npm run build:gpu`';
      const script = path.join(root, 'scripts', 'ptx_outputs.mjs');
      const words = '"$1" >"$2" && exec "$3" "$4" "$2"';
      const lines = path.join(out, 'ptx_outputs.jsonl');
      return { file: 'sh', args: ['-c', words, 'sh', outputs, lines, process.execPath, script] };
    },
  },
  tests('tests of ops', true, 120),
  verify('f32'),
  verify('bf16'),
  {
    name: 'every op, large',
    kind: 'check',
    seconds: 60,
    ...ofDevice('test/gpu/calls.js', '--sizes', 'large', '--rounds', '4', '--seconds', '45'),
  },
  { name: 'rows', kind: 'check', seconds: 45, ...ofDevice('test/gpu/rows.js') },
  sanitizer('memcheck', 120),
  released('picture', 'one picture'),
  speed('gpu', 'speed of ops', 240),
  released('batch', 'many pictures', '--steps', '500'),
  released('training', 'a training step'),
  speed('networks', 'speed of what networks are made of', 150),
  tests('tests of all else', false, 150),
  sanitizer('racecheck', 120),
  {
    name: 'memory at its end',
    kind: 'check',
    seconds: 60,
    command: ({ root, device }) =>
      device.startsWith('cuda')
        ? node(root, 'test/gpu/memory.js', 'full', '--device', device)
        : "only a GPU's memory is taken to its end",
  },
  {
    name: 'memory over rounds of loading', // 1,000 of them where the time is enough
    kind: 'check',
    seconds: 150,
    command: ({ root, device }) => {
      const words = ['--model', tiny(root), '--seconds', '120'];
      return node(root, 'test/gpu/memory.js', 'rounds', '--device', device, ...words);
    },
  },
  {
    name: 'speed of models',
    kind: 'figures',
    seconds: 120,
    ...ofDevice('bench/models.js', '--seconds', '0.5'),
  },
  {
    name: 'pictures of the embedded model',
    kind: 'figures',
    seconds: 120,
    command: ({ root, device }) => {
      const sizes = ['--size', '64x64', '--pictures', '256', '--batches', '1,8,64,256'];
      return node(root, 'bench/generate.js', '--model', tiny(root), '--device', device, ...sizes);
    },
  },
  {
    name: 'steps of training',
    kind: 'figures',
    seconds: 180,
    ...ofDevice('bench/train.js', '--seconds', '1', '--patience', '0'),
  },
  { name: 'devices', kind: 'check', seconds: 60, command: ({ root }) => cli(root, 'check') },
  {
    // Draws, trains, curates; every command takes the best device there is.
    name: 'all of the training, on few pictures',
    kind: 'check',
    seconds: 240,
    command: ({ root, device }) =>
      device.startsWith('cuda')
        ? {
            file: process.execPath,
            args: [path.join(root, 'train', 'tiny', 'run.mjs'), '--pictures', '500'],
          }
        : 'it is made by the best device, which is a GPU only where there is one',
  },
  sanitizer('initcheck', 90),
  sanitizer('synccheck', 90),
];
