// That nothing is forgotten: every op of core/ops.h is called in lib/ops, has kernels by its stem on
// both devices and a case in cases.ts; every file of lib/ops that computes has its test; and every
// function there is public.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import * as stylear from '../../lib/index.ts';
import { cases } from './cases.ts';

const root = join(import.meta.dirname, '../..');
const names = (folder: string, suffix: string) =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith(suffix))
    .map((name) => name.slice(0, -suffix.length));
const text = (path: string) => readFileSync(join(root, path), 'utf8');

/** The headers in core/ops, each with the ops in it. */
const stems = names('native/core/ops', '.h').map(
  (stem) =>
    [
      stem,
      [...text(`native/core/ops/${stem}.h`).matchAll(/constexpr const char\* name = "(\w+)"/g)].map(
        (match) => match[1]!,
      ),
    ] as const,
);
const ops = stems.flatMap(([, ops]) => ops);

/** Files of lib/ops that hold no op of their own. */
const shared = ['shapes', 'inference_only'];
const files = names('lib/ops', '.ts').filter((stem) => !shared.includes(stem));

test('the list of ops and the headers agree', () => {
  const listed = [...text('native/core/ops.h').matchAll(/X\((\w+)\)/g)].length;
  expect(ops.length).toBe(listed);
});

describe('every op', () => {
  const source = files.map((stem) => text(`lib/ops/${stem}.ts`)).join('\n');
  test.each(ops)('%s is called by a function of lib/ops', (op) => {
    expect(source).toContain(`run('${op}'`);
  });
  test.each(ops)('%s has a case among those that claims about all ops run', (op) => {
    expect(Object.keys(cases)).toContain(op);
  });
});

describe('every stem', () => {
  test.each(stems.map(([stem]) => stem))('%s has its files in all rooms', (stem) => {
    expect(names('native/cpu/kernels', '.cc')).toContain(stem);
    expect(names('native/cuda/kernels', '.cu')).toContain(stem);
    expect(files).toContain(stem);
  });
});

describe('every file of lib/ops', () => {
  test.each(files)('%s has its test', (stem) => {
    expect(names('test/ops', '.test.ts')).toContain(stem);
  });
  test.each(files)('%s is public', (stem) => {
    const exported = [...text(`lib/ops/${stem}.ts`).matchAll(/^export (?:function|const) (\w+)/gm)];
    const internal = ['castLike', 'floatOf', 'sumLike'];
    for (const [, name] of exported)
      if (!internal.includes(name!)) expect(Object.keys(stylear)).toContain(name);
  });
});
