// Builds native code with CMake, through cmake-js: `node scripts/native.mjs [what...]`, where `what`
// is `cuda` or `gpu` (which need nvcc, but no driver), `simt`, or the name of another device library;
// without it, what this machine can run. `gpu` is everything that is run on one: addon, devices and the
// programs of bench/gpu.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');

/** Where a build lies: `build`, or a folder in it for one under a sanitizer. */
export const buildFolder = (sanitize = '') => join(root, 'build', sanitize.replace(/;.*/, ''));

export const hasCMake = () => spawnSync('cmake', ['--version'], { stdio: 'ignore' }).status === 0;

/**
 * Configures and builds targets of CMakeLists.txt; throws when that fails.
 *
 * @param targets   names of targets; `all` is what this machine can run
 * @param cuda      `on`, `off` or `auto`
 * @param sanitize  the value of STYLEAR_SANITIZE
 * @param quiet     shows the tools' output only when they fail
 */
export function buildNative({ targets = ['all'], cuda, sanitize = '', quiet = false } = {}) {
  const cmakeJs = createRequire(import.meta.url).resolve('cmake-js/bin/cmake-js');
  const run = (...args) => {
    const stdio = ['ignore', quiet ? 'pipe' : 'inherit', 'inherit'];
    const options = { cwd: root, stdio, encoding: 'utf8', maxBuffer: Number.POSITIVE_INFINITY };
    const { status, stdout } = spawnSync(process.execPath, [cmakeJs, ...args], options);
    if (status === 0) return;
    if (stdout) console.error(stdout);
    throw new Error(`cmake-js ${args[0]} failed`);
  };

  const { STYLEAR_CUDA = 'auto', STYLEAR_CUDA_ARCHITECTURES } = process.env;
  const settings = {
    STYLEAR_CUDA: cuda ?? STYLEAR_CUDA,
    STYLEAR_SANITIZE: sanitize,
    ...(STYLEAR_CUDA_ARCHITECTURES && { STYLEAR_CUDA_ARCHITECTURES }),
  };
  const common = ['--log-level', 'warn', '--out', buildFolder(sanitize)];
  const parallel = ['--parallel', String(availableParallelism())];
  run('configure', ...common, ...Object.entries(settings).map(([k, v]) => `--CD${k}=${v}`));
  for (const target of targets) run('build', ...common, ...parallel, '--target', target);
}

if (process.argv[1] === import.meta.filename) {
  const names = process.argv.slice(2);
  const targetsOf = (name) => (name === 'gpu' ? ['all', 'gpu_programs'] : [`stylear_${name}`]);
  buildNative({
    targets: names.length ? names.flatMap(targetsOf) : ['all'],
    cuda: names.includes('cuda') || names.includes('gpu') ? 'on' : undefined,
  });
}
