// What `npm install` runs: builds what this machine can run and says in one line what that was.
// With CMake that is every device; without it, node-gyp builds the CPU device from the same folders.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { buildNative, hasCMake } from './native.mjs';

const root = join(import.meta.dirname, '..');
const build = join(root, 'build');
const tool = hasCMake() ? 'CMake' : 'node-gyp';

// Each tool keeps its own makefiles in build/: what the other one left is of no use to it.
const foreign = hasCMake() ? 'config.gypi' : 'CMakeCache.txt';
if (existsSync(join(build, foreign))) rmSync(build, { recursive: true });

const started = Date.now();
if (hasCMake()) buildNative({ quiet: true });
else buildWithGyp();
// Outside a clone nothing is compiled again, and what CMake keeps for that has 300 MB.
if (!existsSync(join(root, '.git')))
  rmSync(join(build, 'CMakeFiles'), { recursive: true, force: true });

const built = readdirSync(join(build, 'Release'))
  .map((file) => /^stylear_(.+)\.so$/.exec(file)?.[1])
  .filter((name) => name && !name.startsWith('simt'))
  .map((name) => name.replace('cpu_', 'cpu-'));
const seconds = ((Date.now() - started) / 1000).toFixed(0);
console.log(
  `stylear: built ${built.sort().join(', ') || 'no device'} with ${tool} in ${seconds} s`,
);

function buildWithGyp() {
  const gyp = createRequire(import.meta.url).resolve('node-gyp/bin/node-gyp.js');
  // Node's own installation has the headers beside it; node-gyp would download them.
  const prefix = dirname(dirname(process.execPath));
  const headers = existsSync(join(prefix, 'include/node/common.gypi'))
    ? [`--nodedir=${prefix}`]
    : [];
  const jobs = `--jobs=${availableParallelism()}`;
  const args = [gyp, 'configure', 'build', '--silent', jobs, ...headers];
  execFileSync(process.execPath, args, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
}
