// `node scripts/sanitize.mjs address|thread|race`: builds everything under that checker into a folder
// of its own, then runs the native programs and the JavaScript suites that reach native code. The
// sanitizer's library is preloaded into node, which is not built with it.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { buildFolder, buildNative } from './native.mjs';
import { runNativeTests, runVitest } from './suites.mjs';

const library = (name) =>
  execFileSync('g++', [`-print-file-name=${name}`], { encoding: 'utf8' }).trim();

// One CPU level is enough: the levels differ in instructions, not in their use of memory.
const cpu = 'stylear_cpu_avx2';
const checkers = {
  address: {
    sanitize: 'address;undefined',
    targets: ['stylear', cpu, 'stylear_simt', 'stylear_simt_cuda', 'native_tests'],
    // libstdc++ has to be there before the sanitizer looks for what it intercepts. Node itself does
    // not free everything at exit, so leaks are looked for in the native programs alone.
    preload: ['libasan.so', 'libubsan.so', 'libstdc++.so.6'],
    native: { ASAN_OPTIONS: 'detect_stack_use_after_return=0' },
    vitest: { ASAN_OPTIONS: 'detect_leaks=0' },
    suites: ['test/tensor', 'test/autograd', 'test/ops', 'test/lifecycle/threads'],
  },
  thread: {
    sanitize: 'thread',
    targets: ['stylear', cpu, 'native_tests'],
    preload: ['libtsan.so', 'libstdc++.so.6'],
    native: { TSAN_OPTIONS: 'halt_on_error=1' },
    vitest: { TSAN_OPTIONS: 'halt_on_error=1 ignore_noninstrumented_modules=1' },
    // The sanitizer's shadow memory needs the addresses that randomisation may take.
    wrapper: ['setarch', '-R'],
    suites: ['test/tensor', 'test/lifecycle/threads'],
  },
  race: {
    sanitize: 'race',
    targets: ['stylear', 'stylear_simt', 'native_tests'],
    preload: [],
    suites: ['test/ops'],
  },
};

const name = process.argv[2];
const checker = checkers[name];
if (!checker) {
  throw new Error(`sanitize: expected one of ${Object.keys(checkers).join(', ')}, got ${name}`);
}
const { sanitize, targets, wrapper, native, vitest, preload, suites } = checker;
buildNative({ targets, sanitize, cuda: 'off', quiet: true });

const nativePassed = await runNativeTests(`${name}-native`, { sanitize, wrapper, env: native });
const env = {
  ...vitest,
  STYLEAR_NATIVE_DIR: join(buildFolder(sanitize), 'Release'),
  ...(preload.length && { LD_PRELOAD: preload.map(library).join(':') }),
};
const args = [...suites, '--testTimeout=600000'];
const vitestPassed = runVitest(`${name}-vitest`, args, { wrapper, env });
process.exitCode = nativePassed && vitestPassed ? 0 : 1;
