// `node scripts/planted_faults.mjs`: the tests of the tests. Each fault is put into a copy of one
// kernel file; the copy is compiled and linked with the object files of the last build into a library
// of its own, and the tests of that op are run on it. A fault that no test of the op notices fails the
// run. Needs a build of every library that is named here (`npm test` leaves one).
import { execSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { buildFolder } from './native.mjs';
import { keep } from './suites.mjs';

const root = join(import.meta.dirname, '..');
const build = buildFolder();

/** What is wrong, where, and which file of test/ops has to notice. */
const faults = [
  {
    what: 'a removed barrier',
    library: 'simt',
    file: 'native/cuda/kernels/permute.cu',
    from: '  __syncthreads();\n',
    to: '',
    test: 'permute',
  },
  {
    what: 'an off-by-one in a kernel for the GPU',
    library: 'simt',
    file: 'native/cuda/kernels/upsample.cu',
    from: 'store<n>(to + (2 * width + 1) * channels, v);',
    to: 'store<n>(to + 2 * width * channels, v);',
    test: 'upsample',
  },
  {
    what: 'an off-by-one in a kernel for the CPU',
    library: 'cpu_avx2',
    file: 'native/cpu/kernels/upsample.cc',
    from: 'x[j / 2 * channels + c]',
    to: 'x[(j + 1) / 2 * channels + c]',
    test: 'upsample',
  },
  {
    what: 'an op that a device lacks',
    library: 'simt',
    file: 'native/cuda/kernels/upsample.cu',
    from: 'void run(const Upsample& op, Stream& stream) {',
    to: '[[maybe_unused]] static void left_out(const Upsample& op, Stream& stream) {',
    test: 'upsample',
  },
];

/** Compiles and links the library with the fault in it into `folder`. Returns what the tools say. */
function plant({ library, file, from, to }, folder) {
  const source = readFileSync(join(root, file), 'utf8');
  if (!source.includes(from)) throw new Error(`planted_faults: expected ${file} to hold ${from}`);
  const stem = basename(file).replace(/\..*/, '');
  const copy = join(folder, `${stem}.cc`);
  writeFileSync(copy, source.replace(from, to));

  const target = `stylear_${library}`;
  const commands = execSync(`ninja -C ${build} -t commands ${target}`, {
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  }).split('\n');
  const compile = commands.find((line) => new RegExp(`-c \\S*/${stem}\\.cc$`).test(line));
  const link = commands.findLast((line) => line.includes(`-o Release/${target}.so`));
  const object = / -o (\S+\.o)/.exec(compile)[1];
  const faulty = join(folder, `${stem}.o`);
  const steps = [
    compile
      .replaceAll(object, faulty)
      .replace(/-c \S+$/, `-iquote ${dirname(join(root, file))} -c ${copy}`),
    link.replace(object, faulty).replace(`Release/${target}.so`, join(folder, `${target}.so`)),
  ];
  for (const step of steps) {
    const { status, stderr } = spawnSync('sh', ['-c', step], { cwd: build, encoding: 'utf8' });
    if (status !== 0) return stderr;
  }
  copyFileSync(join(build, 'Release/stylear.node'), join(folder, 'stylear.node'));
  return '';
}

/** The names of the tests that fail on the library in `folder`. */
function failures({ library, test }, folder) {
  const vitest = join(
    createRequire(import.meta.url).resolve('vitest/package.json'),
    '../vitest.mjs',
  );
  const report = join(folder, 'report.json');
  const args = ['run', `test/ops/${test}.test.ts`, '--reporter=json', `--outputFile=${report}`];
  spawnSync(process.execPath, [vitest, ...args], {
    cwd: root,
    env: {
      ...process.env,
      STYLEAR_NATIVE_DIR: folder,
      STYLEAR_TEST_DEVICES: library.replace('_', ':'),
    },
  });
  const { testResults } = JSON.parse(readFileSync(report, 'utf8'));
  return testResults.flatMap((file) =>
    file.assertionResults.filter((one) => one.status === 'failed').map((one) => one.fullName),
  );
}

const survived = faults.filter((fault) => {
  const folder = mkdtempSync(join(tmpdir(), 'stylear-fault-'));
  try {
    const refusal = plant(fault, folder);
    // What does not link has to name the op; what does, has to fail a test of the op.
    const op = /run\(const (\w+)&/.exec(fault.from)?.[1];
    const caught = refusal
      ? refusal.split('\n').filter((line) => op && line.includes(`run(stylear::${op} const&`))
      : failures(fault, folder);
    const verdict = caught.length ? `caught: ${caught[0].trim()}` : 'NOT CAUGHT';
    console.log(`${fault.what} (${fault.file}): ${verdict}`);
    if (refusal && !caught.length) console.log(refusal);
    return caught.length === 0;
  } finally {
    rmSync(folder, { recursive: true });
  }
});
keep('planted-faults', {
  passed: faults.length - survived.length,
  failed: survived.length,
  skipped: 0,
  failures: survived.map(({ what, file }) => `${what} (${file})`),
});
process.exitCode = survived.length ? 1 : 0;
