// What users are told where Node.js may load no native code.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { builtCli } from '../support/built_cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'stylear-no-addons-'));
afterAll(() => rmSync(folder, { recursive: true }));

test.each([
  [['check'], /^ERR_BACKEND: native: expected .*stylear\.node to load, .*`--allow-addons`/],
  [['demo', '-o', join(folder, 'demo')], /^ERR_BACKEND: sharp: expected .* got Could not load/],
])('stylear %j says which library could not be loaded', (args, told) => {
  const { status, stderr } = spawnSync(process.execPath, ['--no-addons', builtCli(), ...args], {
    encoding: 'utf8',
  });
  expect(stderr).toMatch(told);
  expect(stderr).not.toMatch(/^ +at /m);
  expect(status).toBe(1);
});
