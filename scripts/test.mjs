// `npm test`: brings the native code up to date, with the emulated CUDA devices, then runs the native
// programs and vitest. Arguments go to vitest and leave the native programs out.
import { buildNative, hasCMake } from './native.mjs';
import { runNativeTests, runVitest } from './suites.mjs';

const args = process.argv.slice(2);

const targets = ['all', 'stylear_simt', 'stylear_simt_cuda', 'native_tests'];
if (hasCMake()) buildNative({ targets, quiet: true });
else
  console.log('No CMake here: testing the devices that npm install built, and no native programs.');

const native = args.length > 0 || !hasCMake() || (await runNativeTests('native'));
const vitest = runVitest('vitest', args);
process.exitCode = native && vitest ? 0 : 1;
