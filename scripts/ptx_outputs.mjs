// `node scripts/ptx_outputs.mjs run.jsonl [--keep]`: compares what a program of
// test/native/ptx_outputs printed with test/fixtures/ptx_outputs.json and says by name what differs;
// `--keep` then makes the run the fixture. Exits with 1 when something differs and was not kept.
//
// Words of exact outputs must be the same; values of the others, f32, may be apart by `units` in the
// last place and `absolute` in total. In the fixture a long exact output is a hash.
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const fixturePath = join(import.meta.dirname, '../test/fixtures/ptx_outputs.json');
const longest = 128;

/** The lines of a run as the fixture has them: `{ from, outputs: { name: output } }`. */
function folded(text) {
  const [{ from }, ...lines] = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const outputs = lines.map(({ name, of: _, words, ...rest }) => {
    const text = words.join(' ');
    const hash = createHash('sha256').update(text).digest('hex');
    const long = rest.kind === 'exact' && words.length > longest;
    return [name, { ...rest, ...(long ? { count: words.length, sha256: hash } : { words: text }) }];
  });
  return { from, outputs: Object.fromEntries(outputs) };
}

function numberOf(word) {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint32(0, Number.parseInt(word, 16));
  return view.getFloat32(0);
}

/** Where `run` is not what `fixture` says, in words; undefined when it is. */
function difference(run, fixture) {
  if (!run) return 'is missing';
  if (!fixture) return 'is new';
  if (run.kind !== fixture.kind) return `is ${run.kind}, was ${fixture.kind}`;
  if (fixture.sha256) {
    if (run.sha256 === fixture.sha256) return undefined;
    return `differs somewhere in ${fixture.count} words`;
  }
  if (!run.words) return `has ${run.count} words`;
  const got = run.words.split(' ');
  const was = fixture.words.split(' ');
  if (got.length !== was.length) return `has ${got.length} words, had ${was.length}`;
  const same = (a, b) => {
    if (run.kind === 'exact' || a === b) return a === b;
    const [x, y] = [numberOf(a), numberOf(b)];
    const exponent = Math.max(Math.floor(Math.log2(Math.abs(y))), -126);
    return Math.abs(x - y) <= run.absolute + run.units * 2 ** (exponent - 23);
  };
  const wrong = got.flatMap((word, i) => (same(word, was[i]) ? [] : [i]));
  if (wrong.length === 0) return undefined;
  const [first] = wrong;
  return `differs in ${wrong.length} of ${got.length} words, first in word ${first}: ${got[first]}, was ${was[first]}`;
}

/** One line for each output, so that a change of the fixture can be read. */
function written({ from, outputs }) {
  const lines = Object.entries(outputs).map(
    ([name, output]) => `    ${JSON.stringify(name)}: ${JSON.stringify(output)}`,
  );
  return `{\n  "from": ${JSON.stringify(from)},\n  "outputs": {\n${lines.join(',\n')}\n  }\n}\n`;
}

const words = process.argv.slice(2);
const [path] = words.filter((word) => !word.startsWith('--'));
if (!path) throw new Error('ptx_outputs: expected the path of a run, got none');
const run = folded(readFileSync(path, 'utf8'));
const fixture = JSON.parse(readFileSync(fixturePath, 'utf8'));

const names = [...new Set([...Object.keys(fixture.outputs), ...Object.keys(run.outputs)])];
const differing = names.flatMap((name) => {
  const what = difference(run.outputs[name], fixture.outputs[name]);
  return what ? [`${name} ${what}`] : [];
});
for (const line of differing) console.log(line);
console.log(
  `${names.length - differing.length} of ${names.length} outputs of ${run.from} are those of ${fixture.from}`,
);

if (words.includes('--keep')) {
  const missing = names.filter((name) => !run.outputs[name]);
  if (missing.length && missing.length < names.length && !words.includes('--drop'))
    throw new Error(`ptx_outputs: the run lacks ${missing.join(', ')}; --drop keeps it without`);
  writeFileSync(fixturePath, written(run));
} else if (differing.length) {
  process.exitCode = 1;
}
