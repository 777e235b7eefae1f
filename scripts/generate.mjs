// Writes lib/tensor/op_args.ts, the TypeScript types of every op's arguments, from the op structs of
// native/core. With `--check` it writes nothing and fails when the file is stale.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const root = join(import.meta.dirname, '..');
const target = 'lib/tensor/op_args.ts';
const path = join(root, target);

const text = format(render(readOps()));
const current = existsSync(path) ? readFileSync(path, 'utf8') : '';
if (process.argv.includes('--check')) {
  if (text !== current) {
    console.error(`${target} does not fit the ops of native/core. Run \`npm run generate\`.`);
    process.exitCode = 1;
  }
} else if (text !== current) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/** Compiles and runs op_args.cc. Returns `[{ name, fields: [{ name, kind, values }] }]`. */
function readOps() {
  const folder = mkdtempSync(join(tmpdir(), 'stylear-'));
  try {
    const program = join(folder, 'op_args');
    const source = join(import.meta.dirname, 'op_args.cc');
    const include = join(root, 'native');
    const compiler = process.env.CXX ?? 'g++';
    execFileSync(compiler, ['-std=c++20', '-I', include, source, '-o', program]);
    const ops = [];
    for (const line of execFileSync(program, { encoding: 'utf8' }).trim().split('\n')) {
      const [name, kind, ...values] = line.split(' ');
      if (name === 'op') ops.push({ name: kind, fields: [] });
      else ops.at(-1).fields.push({ name, kind, values });
    }
    return ops;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function render(ops) {
  const types = {
    tensor: () => 'Tensor',
    maybe_tensor: () => 'Tensor | undefined',
    number: () => 'number',
    bool: () => 'boolean',
    ints: () => 'readonly number[]',
    enum: (values) => values.map((value) => `'${value}'`).join(' | '),
  };
  const member = ({ name, kind, values }) =>
    `readonly ${name}${kind === 'maybe_tensor' ? '?' : ''}: ${types[kind](values)};`;
  const args = ops.map(({ name, fields }) => `${name}: { ${fields.map(member).join(' ')} };`);
  const order = ops.map(
    ({ name, fields }) => `${name}: [${fields.map((field) => `'${field.name}'`).join(', ')}],`,
  );
  return `// Written by \`npm run generate\` from the op structs in native/core. Do not edit.
import type { Tensor } from './tensor.ts';

/** The arguments of each op. */
export interface OpArgs {
${args.join('\n')}
}

/** The order in which the native side takes them. */
export const opFields = {
${order.join('\n')}
} as const satisfies { readonly [Op in keyof OpArgs]: readonly (keyof OpArgs[Op])[] };
`;
}

function format(source) {
  const biome = join(root, 'node_modules/.bin/biome');
  return execFileSync(biome, ['format', `--stdin-file-path=${target}`], {
    cwd: root,
    input: source,
    encoding: 'utf8',
  });
}
