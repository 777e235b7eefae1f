// `npm run train:tiny`: trains the embedded model from nothing; with `-- evaluation` it is judged too, and
// the figures are written to bench/results; with `-- ablations` the models that it is compared with are
// trained, and judged where it is. Every stage goes on where it was stopped; one that is done is not done again.
// Everything it makes lies in build/tiny, the model in the end in models/tiny.
//
// With `-- --pictures n` it draws so many of each kind only, and its model, which draws nothing that can
// be known, is left in build/tiny/shipped: with 1,000 all stages are through in a few minutes.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { assemble } from './assemble.mjs';
import { addMinutes, writeFigures } from './figures.mjs';
import { writeClipTokenizer, writeTransformerTokenizer } from './tokenizers.mjs';

const root = join(import.meta.dirname, '..', '..');
const work = join(root, 'build', 'tiny');
const networks = join(work, 'networks');

const whole = 40_000;
const { values, positionals } = parseArgs({
  options: { pictures: { type: 'string', default: `${whole}` } },
  allowPositionals: true,
});
/** Of each kind. */
const pictures = Number(values.pictures);
if (!(Number.isInteger(pictures) && pictures >= 500))
  throw new Error(`--pictures: expected a whole number of at least 500, got ${values.pictures}`);
const shipped = pictures === whole ? join(root, 'models/tiny') : join(work, 'shipped');

requireOne(work, pictures);

const model = (adapter) => () => assemble(work, join(work, 'model'), { adapter });
const stages = [
  ['networks', writeNetworks],
  ['pictures, raw', samples('raw')],
  ['pictures, stylised', samples('stylised')],
  ['VQGAN', train('1-vqgan', 'vqgan')],
  ['CLIP', train('2-clip', 'clip')],
  ['tokens, raw', curate('3-tokens-raw', 'raw-tokens')],
  ['tokens, stylised', curate('3-tokens-stylised', 'stylised-tokens')],
  ['base', train('4-base', 'base')],
  ['model of the base', model()],
  ['curated pictures', curate('5-curated', 'curated')],
  ['style', train('6-style', 'style')],
  ['model of the style', model('style')],
  ['shipped model', () => assemble(work, shipped, { adapter: 'style', shipped: true })],
];

/** Other ways of the style stage, 400 steps each, and DPO after it: see README.md. */
const ablations = [
  ['preferences', curate('7-preferences', 'preferences')],
  ['DPO', train('8-dpo', 'dpo')],
  ...['raw-3', 'raw-1', 'raw-0'].map((name) => [name, train(`ablations/${name}`, name)]),
  ...['dpo', 'raw-3', 'raw-1', 'raw-0'].map((name) => [`model of ${name}`, ablated(name)]),
];

const judged = positionals.includes('evaluation');
if (judged && pictures !== whole)
  throw new Error('evaluation: expected no --pictures: models/tiny is judged');
if (judged) stages.push(['evaluation', evaluate('9-evaluate')]);
if (positionals.includes('ablations')) {
  stages.push(...ablations);
  if (judged) stages.push(['evaluation of ablations', evaluate('ablations/evaluate')]);
}
if (judged) stages.push(['figures', () => writeFigures(root, work, shipped)]);
for (const [name, make] of stages) {
  const began = performance.now();
  await make();
  const minutes = (performance.now() - began) / 60_000;
  console.log(`${name}: ${minutes.toFixed(1)} minutes`);
  addMinutes(work, name, minutes);
}

/** What is done is not done again: a model of fewer pictures would be taken for the whole one. */
function requireOne(work, pictures) {
  const file = join(work, 'pictures.json');
  const made = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : pictures;
  if (made !== pictures)
    throw new Error(
      `${work}: expected what is made of ${pictures} pictures of each kind, got that of ${made}. ` +
        'Remove the folder, or ask for as many.',
    );
  mkdirSync(work, { recursive: true });
  writeFileSync(file, `${pictures}\n`);
}

function ablated(name) {
  const folder = join(work, 'ablations', name);
  return () => assemble(work, folder, { adapter: name, shipped: true });
}

function writeNetworks() {
  mkdirSync(work, { recursive: true });
  cpSync(join(import.meta.dirname, 'networks'), networks, { recursive: true });
  writeTransformerTokenizer(join(networks, 'transformer/tokenizer.json'));
  writeClipTokenizer(join(networks, 'clip/tokenizer.json'));
}

function samples(kind) {
  const stem = join(work, 'data', kind);
  return unless(
    `${stem}.index.json`,
    'world',
    'samples',
    kind,
    '-o',
    stem,
    `--count=${pictures}`,
    '--size=64',
  );
}

function train(config, run) {
  const file = join(work, 'runs', run, 'model.safetensors');
  return unless(file, 'train', join(import.meta.dirname, `${config}.json`));
}

function evaluate(config) {
  return command('evaluate', join(import.meta.dirname, `${config}.json`));
}

function curate(config, output) {
  const file = join(work, 'data', `${output}.index.json`);
  return unless(file, 'curate', join(import.meta.dirname, `${config}.json`));
}

/** A command of the package, unless what it makes is there. */
function unless(file, ...args) {
  return () => existsSync(file) || command(...args)();
}

function command(...args) {
  return () => {
    const { status } = spawnSync(process.execPath, [join(root, 'dist/cli/main.js'), ...args], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    if (status !== 0) process.exit(status ?? 1);
  };
}
