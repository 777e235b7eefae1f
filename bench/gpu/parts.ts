// What is run on a GPU, most important first: each a process of its own, so that one that crashes or
// hangs costs no other.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

export interface Setting {
  /** The package: its files lie as in the repository. */
  readonly root: string;
  /** As `openDevice` takes it. */
  readonly device: string;
  /** Where parts may leave files. */
  readonly out: string;
  /** The golden fixtures. */
  readonly fixtures: string;
}

export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
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
  seconds: 120,
  command: ({ root, device, fixtures }) =>
    cli(root, 'verify', fixtures, '--device', device, '--dtype', dtype),
});

/** The suites that run on every device, on this one alone: those of ops, or the others. */
const tests = (name: string, ofOps: boolean): Part => ({
  name,
  kind: 'check',
  seconds: 240,
  command: ({ root, device, out }) => {
    const vitest = path.join(root, 'node_modules', 'vitest', 'vitest.mjs');
    if (!existsSync(vitest)) return 'vitest is not installed';
    const report = path.join(out, `${name.replace(/\W+/g, '-')}.json`);
    const reporters = ['--reporter=dot', '--reporter=json', `--outputFile.json=${report}`];
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

/** A checker of the CUDA toolkit over every op at small sizes. */
const sanitizer = (tool: 'memcheck' | 'racecheck' | 'initcheck' | 'synccheck'): Part => ({
  name: tool,
  kind: 'check',
  seconds: 240,
  command: ({ root, device }) => {
    const checker = found('compute-sanitizer');
    if (checker === undefined) return 'compute-sanitizer of the CUDA toolkit is not on the PATH';
    const { file, args } = node(root, 'test/gpu/calls.js', '--device', device, '--seconds', '200');
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

export const parts: readonly Part[] = [
  {
    name: 'devices',
    kind: 'check',
    seconds: 60,
    command: ({ root }) => cli(root, 'check'),
  },
  {
    name: 'every op, small',
    kind: 'check',
    seconds: 120,
    ...ofDevice('test/gpu/calls.js', '--rounds', '4', '--seconds', '100'),
  },
  {
    name: 'instructions',
    kind: 'check',
    seconds: 30,
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
  verify('f32'),
  verify('bf16'),
  {
    name: 'every op, large',
    kind: 'check',
    seconds: 150,
    ...ofDevice('test/gpu/calls.js', '--sizes', 'large', '--rounds', '4', '--seconds', '120'),
  },
  { name: 'rows', kind: 'check', seconds: 60, ...ofDevice('test/gpu/rows.js') },
  tests('tests of ops', true),
  tests('tests of all else', false),
  {
    name: 'memory at its end',
    kind: 'check',
    seconds: 60,
    command: ({ root, device }) =>
      device.startsWith('cuda')
        ? node(root, 'test/gpu/memory.js', 'full', '--device', device)
        : "only a GPU's memory is taken to its end",
  },
  sanitizer('memcheck'),
  sanitizer('racecheck'),
  {
    name: 'memory over 1,000 rounds',
    kind: 'check',
    seconds: 180,
    command: ({ root, device }) =>
      node(root, 'test/gpu/memory.js', 'rounds', '--device', device, '--model', tiny(root)),
  },
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
  {
    name: 'speed of ops',
    kind: 'figures',
    seconds: 420,
    ...ofDevice('bench/run.js', '--cases', 'gpu', '--seconds', '0.3', '--patience', '0'),
  },
  {
    name: 'the released sizes',
    kind: 'figures',
    seconds: 300,
    ...ofDevice('bench/gpu/seven_billion.js'),
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
  sanitizer('initcheck'),
  sanitizer('synccheck'),
];
