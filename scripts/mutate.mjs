// `node scripts/mutate.mjs [file...]`: removes every barrier and every wait of the kernels (or of the
// files whose names begin so), one at a time, and asks whether the tests of the ops notice on the
// emulated GPU, in three orders of its threads. A statement that nobody misses is superfluous, or
// there is a gap in the tests. Hours for all of them; scripts/planted_faults.mjs is the short form.
// `--sanitize=race` does it in that build (scripts/sanitize.mjs makes it), which misses none.
//
// Prints a line for each statement and exits with 1 when one was not missed.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { buildFolder } from './native.mjs';

const root = join(import.meta.dirname, '..');
const words = process.argv.slice(2);
const sanitizer = words.find((word) => word.startsWith('--sanitize='))?.split('=')[1];
const build = buildFolder(sanitizer);
const vitest = join(createRequire(import.meta.url).resolve('vitest/package.json'), '../vitest.mjs');

const synchronising =
  /\b(__syncthreads|__syncwarp)\(\);|\bptx::(cp_async_wait<\w+>\(\)|fence_proxy_async\(\)|mbarrier_wait\([^;]*\)|mbarrier_arrive\([^;]*\)|wgmma_wait<\w+>\(\)|wgmma_commit\(\)|named_barrier<\w+>\([^;]*\));/g;

const sources = readdirSync(join(root, 'native/cuda'), { recursive: true })
  .filter((name) => /\.(cuh?|h)$/.test(name))
  .map((name) => ({ name, text: readFileSync(join(root, 'native/cuda', name), 'utf8') }));

/** The kernel files that a file is part of. */
function kernelsWith(name, seen = new Set()) {
  if (seen.has(name)) return [];
  seen.add(name);
  // What every kernel includes is tried on one that uses all of it.
  if (name === 'gpu.h') return ['layer_norm'];
  if (/^kernels\/.*\.cu$/.test(name)) return [basename(name, '.cu')];
  const users = sources.filter(({ text }) => new RegExp(`"[./]*${basename(name)}"`).test(text));
  return users.flatMap((user) => kernelsWith(user.name, seen));
}

/** A mutant for each synchronising statement of the kernels. */
function* everyBarrier(only) {
  for (const { name, text } of sources) {
    if (name.startsWith('ptx')) continue;
    if (only.length && !only.some((stem) => basename(name).startsWith(stem))) continue;
    for (const match of text.matchAll(synchronising)) {
      const line = text.slice(0, match.index).split('\n').length;
      yield {
        mistake: `${name}:${line} without ${match[0]}`,
        file: `native/cuda/${name}`,
        at: match.index,
        statement: match[0],
        kernels: kernelsWith(name),
      };
    }
  }
}

/** The test files of the ops that a kernel file may serve: the longest stems that begin its name. */
function testsOf(kernel) {
  const tests = readdirSync(join(root, 'test/ops')).filter((name) => name.endsWith('.test.ts'));
  const stems = tests.map((name) => basename(name, '.test.ts'));
  const fitting = stems.filter((stem) => kernel.startsWith(stem) || stem.startsWith(kernel));
  const longest = Math.max(...fitting.map((stem) => stem.length));
  return fitting
    .filter((stem) => stem.length === longest)
    .map((stem) => `test/ops/${stem}.test.ts`);
}

/** Compiles the kernels of the changed tree in `work` and links them with the rest as it was built. */
function link(work, kernels) {
  const commands = JSON.parse(readFileSync(join(build, 'compile_commands.json'), 'utf8'));
  const folder = join(build, 'CMakeFiles/stylear_simt.dir');
  const objects = new Map(
    readdirSync(folder, { recursive: true })
      .filter((object) => object.endsWith('.o'))
      .map((object) => [object, join(folder, object)]),
  );
  for (const kernel of kernels) {
    const source = join(build, `simt/${kernel}.cc`);
    const entry = commands.find(({ file }) => file === source);
    if (!entry) throw new Error(`mutate: expected a build of ${source}, got none. Run npm test.`);
    const changed = join(work, `${kernel}.cc`);
    writeFileSync(changed, `#include "${join(work, 'native/cuda/kernels', `${kernel}.cu`)}"\n`);
    const object = join(work, `${kernel}.o`);
    const command = entry.command
      .replaceAll(join(root, 'native'), join(work, 'native'))
      .replace(/ -o \S+ -c \S+/, ` -o ${object} -c ${changed}`);
    execFileSync('sh', ['-c', command], { cwd: build, stdio: ['ignore', 'inherit', 'inherit'] });
    objects.set(`simt/${kernel}.cc.o`, object);
  }
  const sanitize = sanitizer?.startsWith('address') ? ['-fsanitize=address,undefined'] : [];
  const library = join(work, 'Release/stylear_simt.so');
  const script = `-Wl,--version-script=${join(root, 'native/device_library.map')}`;
  const options = ['-shared', ...sanitize, script, '-pthread', '-ldl', '-o', library];
  execFileSync('c++', [...objects.values(), ...options], { stdio: 'inherit' });
}

/** In which order of threads the tests fail with the libraries of `release`; undefined if in none. */
function noticedBy(release, tests) {
  const runs = [
    ['forward', {}],
    ['reverse', { STYLEAR_SIMT_ORDER: 'reverse' }],
    ['random', { STYLEAR_SIMT_ORDER: 'random', STYLEAR_SIMT_ASYNC: 'random' }],
  ];
  for (const [name, env] of runs) {
    const { status } = spawnSync(process.execPath, [vitest, 'run', ...tests], {
      cwd: root,
      stdio: 'ignore',
      timeout: 300_000,
      env: {
        ...process.env,
        ...env,
        STYLEAR_TEST_DEVICES: 'simt',
        STYLEAR_NATIVE_DIR: release,
      },
    });
    if (status !== 0) return name;
  }
  return undefined;
}

const sound = new Set();

/** In which order of threads the tests notice the mutant; undefined if in none. */
function attempt(mutant) {
  const { at, statement, kernels } = mutant;
  const tests = [...new Set(kernels.flatMap(testsOf))];
  for (const test of tests) {
    if (!sound.has(test) && noticedBy(join(build, 'Release'), [test]))
      throw new Error(`mutate: expected ${test} to pass before anything is changed, it fails`);
    sound.add(test);
  }
  const work = mkdtempSync(join(tmpdir(), 'stylear-mutant-'));
  try {
    cpSync(join(root, 'native'), join(work, 'native'), { recursive: true });
    mkdirSync(join(work, 'Release'));
    for (const name of readdirSync(join(build, 'Release')))
      if (name !== 'stylear_simt.so')
        symlinkSync(join(build, 'Release', name), join(work, 'Release', name));
    const file = join(work, mutant.file);
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, `${text.slice(0, at)};${text.slice(at + statement.length)}`);
    link(work, kernels);
    return noticedBy(join(work, 'Release'), tests);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

let missed = 0;
for (const mutant of everyBarrier(words.filter((word) => !word.startsWith('--')))) {
  const order = attempt(mutant);
  if (!order) missed++;
  console.log(`${order ? `noticed (${order})` : 'NOT NOTICED'}: ${mutant.mistake}`);
}
process.exitCode = missed ? 1 : 0;
