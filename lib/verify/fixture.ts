// Folders of golden numbers: a README.json that says which kind of fixture it is, inputs, and what
// the original implementations computed from them.
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { StylearError } from '../error.ts';
import { openFile } from '../weights/byte_source.ts';
import { decode } from '../weights/element_values.ts';
import { readSafetensors } from '../weights/safetensors.ts';
import { readElements } from '../weights/stored_tensor.ts';

const readmeSchema = z.object({
  /** The kind, alone or with `_` and what sets it apart: `vqgan`, `vqgan_f4`. */
  fixture: z.string().min(1),
  title: z.string().default(''),
  notes: z.array(z.string()).default([]),
  /** `FILE:TENSOR`, or `FILE:*`, -> by how much float32 arithmetic may differ. */
  tolerance: z.record(z.string(), z.object({ atol: z.number().min(0) })).default({}),
  /** What bf16 arithmetic was seen to do, by tensor. */
  bf16_max_abs_err: z.record(z.string(), z.number()).default({}),
});

/** Values of a tensor in a file. */
export interface Values {
  readonly shape: readonly number[];
  /** f32 of floats, i32 of integers. */
  readonly values: Float32Array | Int32Array | Int8Array;
}

/** A folder of golden numbers. */
export class Fixture {
  readonly folder: string;
  /** As its README.json calls it. */
  readonly name: string;
  readonly readme: z.infer<typeof readmeSchema>;
  private readonly files = new Map<string, ReadonlyMap<string, Values>>();

  constructor(folder: string, readme: z.infer<typeof readmeSchema>) {
    this.folder = resolve(folder);
    this.readme = readme;
    this.name = readme.fixture;
  }

  path(...parts: readonly string[]): string {
    return join(this.folder, ...parts);
  }

  json(file: string): unknown {
    return readJson(this.path(file));
  }

  /** All tensors of one of its safetensors files. */
  tensors(file: string): ReadonlyMap<string, Values> {
    const known = this.files.get(file);
    if (known) return known;
    const source = openFile(this.path(file));
    try {
      const values = new Map<string, Values>();
      for (const [name, stored] of readSafetensors(source).tensors) {
        const decoded = decode(stored.dtype, readElements(source, stored));
        if (!decoded) throw damaged(source.path, `${name} to fit 32 bits`, 'larger integers');
        values.set(name, { shape: stored.shape, values: decoded });
      }
      this.files.set(file, values);
      return values;
    } finally {
      source.close();
    }
  }

  /** One tensor of one of its safetensors files. */
  tensor(file: string, name: string): Values {
    const found = this.tensors(file).get(name);
    if (found) return found;
    throw damaged(this.path(file), `a tensor ${name}`, 'none');
  }

  /** By how much a tensor may differ in float32. */
  atol(file: string, name: string): number {
    const { tolerance } = this.readme;
    const entry = tolerance[`${file}:${name}`] ?? tolerance[`${file}:*`];
    if (entry) return entry.atol;
    throw damaged(this.path('README.json'), `a tolerance of ${file}:${name}`, 'none');
  }

  /**
   * The folder beside this one that its notes refer to, as `../NAME/...`, of the given kind: the one
   * called `name` where they do not say.
   */
  beside(kind: string, name = kind): string {
    const parent = dirname(this.folder);
    for (const note of this.readme.notes)
      for (const [, found] of note.matchAll(/\.\.\/(\w+)/g))
        if (found !== undefined && isOfKind(found, kind)) return join(parent, found);
    return join(parent, name);
  }
}

/** Whether a fixture of that name is of that kind. */
export const isOfKind = (name: string, kind: string): boolean =>
  name === kind || name.startsWith(`${kind}_`);

/** Every fixture at or below a folder, in order of their paths. */
export function findFixtures(folder: string): Fixture[] {
  let entries: readonly { readonly name: string; isDirectory(): boolean }[];
  try {
    entries = readdirSync(folder, { withFileTypes: true });
  } catch (cause) {
    throw new StylearError(
      'ERR_INPUT',
      `verify: expected the folder ${folder} to be readable, got ${(cause as Error).message}`,
      { cause },
    );
  }
  const here = entries.some(({ name }) => name === 'README.json') ? fixtureIn(folder) : undefined;
  const below = entries
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort()
    .flatMap((name) => findFixtures(join(folder, name)));
  return here ? [here, ...below] : below;
}

/** The fixture of a folder; undefined when its README.json is about something else. */
function fixtureIn(folder: string): Fixture | undefined {
  const file = join(folder, 'README.json');
  const json = readJson(file);
  if (typeof json !== 'object' || json === null || !('fixture' in json)) return undefined;
  const parsed = readmeSchema.safeParse(json);
  if (parsed.success) return new Fixture(folder, parsed.data);
  const [issue] = parsed.error.issues;
  throw damaged(file, `${issue?.path.join('.')} to be a fixture's`, issue?.message ?? 'something');
}

/** A fixture by its folder. */
export function openFixture(folder: string): Fixture {
  const fixture = fixtureIn(folder);
  if (fixture) return fixture;
  throw damaged(join(folder, 'README.json'), 'a field fixture', 'none');
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    throw new StylearError(
      'ERR_INPUT',
      `${basename(file)}: expected ${file} to be readable JSON, got ${(cause as Error).message}`,
      { cause },
    );
  }
}

const damaged = (file: string, expected: string, got: string): StylearError =>
  new StylearError('ERR_INPUT', `verify: expected ${file} to have ${expected}, got ${got}`);
