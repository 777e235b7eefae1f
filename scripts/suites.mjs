// Runs the two kinds of suites there are, native programs and vitest, against one build, and keeps
// what came of each in build/results for scripts/summary.mjs.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { buildFolder } from './native.mjs';

const root = join(import.meta.dirname, '..');
const results = join(root, 'build/results');

/** Runs every program of test/native. Returns whether all of them exited with 0. */
export function runNativeTests(suite, { sanitize = '', env = {}, wrapper = [] } = {}) {
  const folder = join(buildFolder(sanitize), 'tests');
  const programs = existsSync(folder) ? readdirSync(folder).sort() : [];
  const failed = programs.filter((program) => {
    const [command, ...args] = [...wrapper, join(folder, program)];
    const options = { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } };
    const { status, signal } = spawnSync(command, args, options);
    console.log(`${status === 0 ? 'passed' : `FAILED (${signal ?? status})`} ${suite} ${program}`);
    return status !== 0;
  });
  keep(suite, {
    passed: programs.length - failed.length,
    failed: failed.length,
    skipped: 0,
    failures: failed,
  });
  return failed.length === 0;
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
