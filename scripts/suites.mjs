// Runs the two kinds of suites there are, native programs and vitest, against one build, and keeps
// what came of each in build/results for scripts/summary.mjs.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { buildFolder } from './native.mjs';

const root = join(import.meta.dirname, '..');
const results = join(root, 'build/results');

/**
 * Runs every program of test/native, as many at once as the machine has cores; what one of them prints
 * stays together. Returns whether all of them exited with 0.
 */
export async function runNativeTests(suite, { sanitize = '', env = {}, wrapper = [] } = {}) {
  const folder = join(buildFolder(sanitize), 'tests');
  const programs = existsSync(folder) ? readdirSync(folder).sort() : [];
  const waiting = [...programs];
  const failed = [];
  const runThem = async () => {
    for (let program = waiting.shift(); program; program = waiting.shift()) {
      const { printed, ended } = await output([...wrapper, join(folder, program)], env);
      if (ended !== 0) failed.push(program);
      const verdict = ended === 0 ? 'passed' : `FAILED (${ended})`;
      process.stdout.write(`${printed}${verdict} ${suite} ${program}\n`);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, runThem));
  keep(suite, {
    passed: programs.length - failed.length,
    failed: failed.length,
    skipped: 0,
    failures: failed,
  });
  return failed.length === 0;
}

/** What a command printed, and its status or the signal that ended it. */
function output([command, ...args], env) {
  const options = { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } };
  const child = spawn(command, args, options);
  const printed = [];
  child.stdout.on('data', (data) => printed.push(data));
  child.stderr.on('data', (data) => printed.push(data));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status, signal) =>
      resolve({ printed: Buffer.concat(printed), ended: signal ?? status }),
    );
  });
}

/** Runs vitest with `args`. Returns whether every test passed. */
export function runVitest(suite, args, { env = {}, wrapper = [] } = {}) {
  const report = join(results, `${suite}.vitest.json`);
  rmSync(report, { force: true });
  const vitest = join(
    createRequire(import.meta.url).resolve('vitest/package.json'),
    '../vitest.mjs',
  );
  const [command, ...rest] = [...wrapper, process.execPath, vitest, 'run', ...args];
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const options = { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } };
  const { status } = spawnSync(command, [...rest, ...reporters], options);

  const none = { numPassedTests: 0, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0 };
  const found = existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')) : none;
  // A file that does not load, or a worker that dies, fails the run without a failed test.
  const failed = found.numFailedTests || (status === 0 ? 0 : 1);
  const skipped = found.numPendingTests + found.numTodoTests;
  keep(suite, { passed: found.numPassedTests, failed, skipped });
  return status === 0;
}

/** Leaves the counts of a suite for the summary. */
export function keep(suite, counts) {
  mkdirSync(results, { recursive: true });
  writeFileSync(join(results, `${suite}.json`), `${JSON.stringify({ suite, ...counts })}\n`);
}
