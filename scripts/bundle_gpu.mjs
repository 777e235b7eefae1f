// `npm run bundle:gpu [-- --extras]`: packs what a bare machine with a CUDA driver needs to run all of
// bench/gpu, and no network: build/stylear-gpu-<commit>.tar.xz. Unpack it there and run
// `sh scripts/run_gpu.sh`. (Packed by gzip it would be larger than it may be.)
//
// It is the repository as it stands, without results of benches, and what a checkout lacks: node, the
// packages that it uses when it runs (those of the tests among them), what was built, and the four
// headers to build it again. Its CUDA library is for compute capability 9.0 unless
// STYLEAR_CUDA_ARCHITECTURES says otherwise; for other GPUs it is built there. `--extras` packs the latter
// alone, to be unpacked over a checkout.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';

const root = join(import.meta.dirname, '..');
const mostBytes = 60e6;

/** Packages that the package and its tests import; what these need follows. */
const usedPackages = [
  'sharp',
  'zod',
  'commander',
  '@huggingface/tokenizers',
  'vitest',
  'fast-check',
];
/** Their parts that no test needs, or that are for another C library. */
const leftOut =
  /(^|\/)(lightningcss[^/]*|@types\/[^/]*|@img\/[^/]*musl[^/]*|@rolldown\/[^/]*musl[^/]*)$/;
/** Tracked, and of no use on a GPU. */
const untaken = /^(bench\/results\/|docs\/demo\.png$|\.ci\/)/;

const git = (...args) =>
  execFileSync('git', args, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 28 }).trim();

/** The commit, and a hash of what is changed in it: runs of the same name go on from one another. */
function commit() {
  const changes = git('diff', 'HEAD');
  const hash = createHash('sha256').update(changes).digest('hex').slice(0, 8);
  return git('rev-parse', '--short', 'HEAD') + (changes ? `-changed-${hash}` : '');
}

/** Where a package lies that is imported from a folder, as Node looks for it. */
function packageAt(name, from) {
  for (let folder = from; ; folder = dirname(folder)) {
    const at = join(folder, 'node_modules', name);
    if (existsSync(join(at, 'package.json'))) return at;
    if (folder === dirname(folder)) return undefined;
  }
}

/** The folders of packages and of all that they need. */
function closure(names, from, found = new Set()) {
  for (const name of names) {
    const at = packageAt(name, from);
    if (!at || found.has(at) || leftOut.test(at)) continue; // optional ones of other systems are not there
    found.add(at);
    const { dependencies, optionalDependencies, peerDependencies } = JSON.parse(
      readFileSync(join(at, 'package.json'), 'utf8'),
    );
    const needs = { ...dependencies, ...optionalDependencies, ...peerDependencies };
    closure(Object.keys(needs), at, found);
  }
  return found;
}

/** The folder that has `node_api.h`. */
function nodeHeaders() {
  const cache = readFileSync(join(root, 'build/CMakeCache.txt'), 'utf8');
  const [, folders = ''] = /^CMAKE_JS_INC:[^=]*=(.*)$/m.exec(cache) ?? [];
  const found = folders.split(';').find((folder) => existsSync(join(folder, 'node_api.h')));
  if (!found)
    throw new Error("bundle_gpu: expected a build to have found node's headers, got none");
  return found;
}

/** Copies a file or folder of the repository to the same place in the bundle. */
function take(stage, path) {
  const to = join(stage, path);
  mkdirSync(dirname(to), { recursive: true });
  // A package may hold packages of its own, which were found apart.
  const filter = (from) => relative(join(root, path), from) !== 'node_modules';
  cpSync(realpathSync(join(root, path)), to, { recursive: true, dereference: true, filter });
}

function takeExtras(stage, name) {
  const bin = join(stage, 'build/bin');
  mkdirSync(bin, { recursive: true });
  copyFileSync(process.execPath, join(bin, 'node'));
  chmodSync(join(bin, 'node'), 0o755);
  try {
    execFileSync('strip', ['-s', join(bin, 'node')], { stdio: 'ignore' });
  } catch {
    // It is larger, that is all.
  }

  const modules = realpathSync(join(root, 'node_modules'));
  for (const at of [...closure(usedPackages, root), join(root, 'node_modules/node-addon-api')])
    take(stage, join('node_modules', relative(modules, realpathSync(at))));

  for (const path of ['dist', 'build/bench/js', 'build/gpu/limits', 'build/gpu/ptx_outputs'])
    take(stage, path);
  for (const file of readdirSync(join(root, 'build/Release')))
    if (/\.(node|so)$/.test(file) && !file.includes('simt')) take(stage, `build/Release/${file}`);

  const headers = join(stage, 'build/headers/node');
  mkdirSync(headers, { recursive: true });
  const from = nodeHeaders();
  for (const file of readdirSync(from).filter((file) =>
    /^(node|js_native)_api(_types)?\.h$/.test(file),
  ))
    copyFileSync(join(from, file), join(headers, file));
  writeFileSync(join(stage, 'build/commit'), `${name}\n`);
}

const extras = process.argv.includes('--extras');
const name = commit();
const stage = mkdtempSync(join(tmpdir(), 'stylear-bundle-'));
try {
  takeExtras(stage, name);
  const tracked = extras ? [] : git('ls-files', '-z').split('\0').filter(Boolean);
  for (const path of tracked)
    if (!untaken.test(path) && existsSync(join(root, path))) take(stage, path);
  const packed = join(root, 'build', `stylear-gpu-${name}${extras ? '-extras' : ''}.tar.xz`);
  const order = ['--sort=name', '--owner=0', '--group=0', '--numeric-owner'];
  execFileSync('tar', [...order, '-I', 'xz -T0 -9', '-cf', packed, '-C', stage, '.']);
  const { size } = statSync(packed);
  console.log(`${relative(process.cwd(), packed)}: ${(size / 1e6).toFixed(1)} MB`);
  if (size > mostBytes)
    throw new Error(`bundle_gpu: expected at most ${mostBytes / 1e6} MB, got ${size / 1e6}`);
} finally {
  rmSync(stage, { recursive: true });
}
