// The end of a run of .ci/run: what this machine lacked, what failed, and one line of counts. Its
// arguments are the steps that failed.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { hasCMake } from './native.mjs';

const results = join(import.meta.dirname, '../build/results');
const suites = (existsSync(results) ? readdirSync(results) : [])
  .filter((file) => file.endsWith('.json') && !file.endsWith('.vitest.json'))
  .map((file) => JSON.parse(readFileSync(join(results, file), 'utf8')));
const failedSteps = process.argv.slice(2);

const runs = (command, ...args) => spawnSync(command, args, { stdio: 'ignore' }).status === 0;
const cpu = readFileSync('/proc/cpuinfo', 'utf8');
const lacks = [
  [hasCMake(), 'CMake: emulated CUDA, native programs and sanitizers did not run'],
  [runs('nvcc', '--version'), 'nvcc: the CUDA device was not compiled'],
  [existsSync('/proc/driver/nvidia/version'), 'an NVIDIA driver: the CUDA device did not run'],
  [/\bavx2\b/.test(cpu) && /\bf16c\b/.test(cpu), 'AVX2: device cpu-avx2 did not run'],
  [/\bavx512bw\b/.test(cpu), 'AVX-512: device cpu-avx512 did not run'],
  [/\bavx512_bf16\b/.test(cpu), 'AVX-512 BF16: device cpu-avx512bf16 did not run'],
].filter(([present]) => !present);

for (const [, what] of lacks) console.log(`lacking here: ${what}`);
for (const { suite, passed, failed, skipped } of suites) {
  console.log(`${suite}: ${passed} passed, ${failed} failed, ${skipped} skipped`);
}
for (const step of failedSteps) console.log(`FAILED: ${step}`);

const sum = (key) => suites.reduce((total, suite) => total + suite[key], 0);
// A failed step without a failed test is a failure of its own: lint, a compiler, a crash.
const failed = Math.max(sum('failed'), failedSteps.length);
console.log(`${sum('passed')} passed, ${failed} failed, ${sum('skipped')} skipped`);
process.exitCode = failed > 0 ? 1 : 0;
