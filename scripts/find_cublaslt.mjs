// `node scripts/find_cublaslt.mjs [--device cuda] [--in folder]...`: which cuBLASLt STYLEAR_CUBLASLT
// should name on this machine. Prints its path, or nothing where the variable is best left as it is, and
// says on the standard error in one line what large products will use.
//
// The system's own is taken where the loader finds one; else, since PyTorch or a toolkit may have brought
// it, the newest below the folders (default: everywhere) with which a process of its own opens the device
// and multiplies rightly: a named file that cannot be loaded would keep the device from opening.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const { values: options } = parseArgs({
  options: {
    device: { type: 'string', default: 'cuda' },
    in: { type: 'string', multiple: true, default: ['/'] },
    probe: { type: 'boolean', default: false },
  },
});

/** More rows and multiply-adds than are done without cuBLASLt (native/cuda/gemm.cuh). */
const [rows, outputs, inner] = [192, 1024, 1024];
const secondsEach = 30;
const secondsLooking = 30;
const mostTried = 6;

/** Multiplies on the device; prints the file of cuBLASLt that was loaded for it, or nothing. */
async function probe() {
  const { linear, openDevice } = await import(join(import.meta.dirname, '../dist/index.js'));
  const device = await openDevice(options.device);
  // Quarters from -1 to 1, which bf16 holds; `scatter` leaves no pattern in them.
  const scatter = (i, salt) => ((Math.imul(i + salt, 0x9e3779b1) >>> 13) % 9) / 4 - 1;
  const x = Float32Array.from({ length: rows * inner }, (_, i) => scatter(i, 7));
  const weight = Float32Array.from({ length: outputs * inner }, (_, i) => scatter(i, 101));
  const [a, b] = [
    device.from(x, [rows, inner], 'bf16'),
    device.from(weight, [outputs, inner], 'bf16'),
  ];
  const y = await linear(a, b).read();
  for (let place = 0; place < 500; place++) {
    const at = (place * 393_241) % y.length;
    const [row, output] = [Math.floor(at / outputs), at % outputs];
    let sum = 0;
    for (let i = 0; i < inner; i++) sum += x[row * inner + i] * weight[output * inner + i];
    if (!(Math.abs(y[at] - sum) <= 2 ** -7 * Math.abs(sum) + 1e-3))
      throw new Error(`expected ${sum} in row ${row} of a product, got ${y[at]}`);
  }
  const loaded = /\/\S*libcublasLt\S*/.exec(readFileSync('/proc/self/maps', 'utf8'));
  console.log(loaded?.[0] ?? '');
  process.exit();
}

/** @returns what is loaded with a value of the variable, or why nothing can be computed with it */
function tried(named) {
  const args = [import.meta.filename, '--probe', '--device', options.device];
  const { status, stdout, stderr, error } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    env: { ...process.env, STYLEAR_CUBLASLT: named },
    timeout: secondsEach * 1e3,
    killSignal: 'SIGKILL',
  });
  if (status === 0) return { loaded: stdout.trim() };
  const [line] = /^\w*Error.*$/m.exec(stderr) ?? [];
  return { why: line ?? error?.message ?? `status ${status}` };
}

/** Files of it below the folders, newest version first; not those of the kernel's file systems. */
function candidates() {
  const leftOut = ['/proc', '/sys', '/dev'].flatMap((at) => ['-path', at, '-prune', '-o']);
  const named = ['-name', 'libcublasLt.so.1[1-9]', '-print'];
  const { stdout } = spawnSync('find', [...options.in, ...leftOut, ...named], {
    encoding: 'utf8',
    timeout: secondsLooking * 1e3, // what was found by then counts
  });
  const version = (path) => Number(/\d+$/.exec(path)?.[0]);
  return (stdout ?? '')
    .split('\n')
    .filter(Boolean)
    .sort((a, b) => version(b) - version(a) || a.length - b.length);
}

function say(words) {
  console.error(`cuBLASLt: ${words}`);
}

function choose() {
  const ours = "none: large products are the package's own, and figures of products are theirs";
  const { STYLEAR_CUBLASLT: named } = process.env;
  if (named) return say(`STYLEAR_CUBLASLT is ${named}, and stays so`);
  const system = tried('');
  if (system.loaded) return say(`the system's, ${system.loaded}: large products are its`);
  // Without it a product has to be right too, or what a candidate answers means nothing.
  if (system.why) return say(`not looked for: ${options.device} does not multiply: ${system.why}`);
  const refused = [];
  for (const path of candidates().slice(0, mostTried)) {
    const { loaded, why } = tried(path);
    if (loaded) {
      say(`${path}, which is not the system's: large products are its`);
      return console.log(path);
    }
    refused.push(`${path} (${why ?? 'was not loaded'})`);
  }
  say(`${ours}${refused.length > 0 ? `; refused ${refused.join(', ')}` : ''}`);
}

if (options.probe) await probe();
else choose();
