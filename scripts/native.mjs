// Builds native code with CMake, through cmake-js: `node scripts/native.mjs [what...]` where what is
// `cuda` (also on a machine without a driver), `simt`, `simt_race`, `tests`, or
// `--sanitize=address|undefined|thread`, which builds into a folder of its own.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');

/** The folder of a build: `build`, or `build/<sanitizer>`. Libraries lie in its `Release`. */
export const buildFolder = (sanitizer) => join(root, 'build', ...(sanitizer ? [sanitizer] : []));

/**
 * Configures and builds `targets` (everything an installation needs when empty).
 * @returns whether it succeeded
 */
export function buildNative({ targets = [], cuda, sanitizer, quiet = false } = {}) {
  const cmakeJs = createRequire(import.meta.url).resolve('cmake-js/bin/cmake-js');
  const run = (...args) =>
    spawnSync(process.execPath, [cmakeJs, ...args], {
      cwd: root,
      stdio: ['ignore', quiet ? 'ignore' : 'inherit', 'inherit'],
    }).status === 0;

  const settings = {
    STYLEAR_CUDA: cuda ?? process.env.STYLEAR_CUDA ?? 'auto',
    STYLEAR_SANITIZE: sanitizer ?? '',
    ...(process.env.STYLEAR_CUDA_ARCHITECTURES && {
      STYLEAR_CUDA_ARCHITECTURES: process.env.STYLEAR_CUDA_ARCHITECTURES,
    }),
  };
  const common = ['--log-level', 'warn', '--out', buildFolder(sanitizer)];
  const options = Object.entries(settings).map(([name, value]) => `--CD${name}=${value}`);
  const parallel = ['--parallel', String(availableParallelism())];
  if (!run('configure', ...common, ...options)) return false;
  return (targets.length ? targets : ['all']).every((target) =>
    run('build', ...common, ...parallel, '--target', target),
  );
}

if (process.argv[1] === import.meta.filename) {
  const words = process.argv.slice(2);
  const sanitizer = words.find((word) => word.startsWith('--sanitize='))?.split('=')[1];
  const targets = words
    .filter((word) => !word.startsWith('--'))
    .map((word) => (word === 'tests' ? 'native_tests' : `stylear_${word}`));
  const cuda = words.includes('cuda') ? 'on' : undefined;
  process.exitCode = buildNative({ targets, cuda, sanitizer }) ? 0 : 1;
}
