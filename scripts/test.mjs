// `npm test`: brings the native code up to date, with the emulated CUDA devices and the twins of CPU
// levels that do not run here, then runs the native programs and vitest. Arguments go to vitest and leave the native programs out.
import { readFileSync } from 'node:fs';
import { buildNative, hasCMake } from './native.mjs';
import { runNativeTests, runVitest } from './suites.mjs';

const args = process.argv.slice(2);

const targets = ['all', ...twins(), 'stylear_simt', 'stylear_simt_cuda', 'native_tests'];
if (hasCMake()) buildNative({ targets, quiet: true });
else
  console.log('No CMake here: testing the devices that npm install built, and no native programs.');

const native = args.length > 0 || !hasCMake() || (await runNativeTests('native'));
const vitest = runVitest('vitest', args);
process.exitCode = native && vitest ? 0 : 1;

/** Twins are made of AVX2 (native/cpu/avx512_twin.h). */
function twins() {
  const cpu = process.platform === 'linux' ? readFileSync('/proc/cpuinfo', 'utf8') : '';
  const has = new Set(/^flags.*?: (.*)$/m.exec(cpu)?.[1]?.split(' '));
  if (!has.has('avx2') || !has.has('fma')) return [];
  const levels = { avx512: 'avx512f', avx512bf16: 'avx512_bf16' };
  const lacking = Object.keys(levels).filter((level) => !has.has(levels[level]));
  return lacking.map((level) => `stylear_cpu_${level}_twin`);
}
