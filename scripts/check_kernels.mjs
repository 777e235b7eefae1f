// What the compiler made of the CUDA kernels. Before a compiler's command line it is the launcher of
// that compiler (CMakeLists.txt): it keeps the notes of ptxas (-Xptxas -v) beside the object. Alone
// it reads those of `npm run build:cuda` and fails, naming the kernels, where
//   - a kernel needs more than 64 registers and says no __launch_bounds__: 1,024 threads would not fit
//   - values are spilled, or lie in local memory: it is as slow as global memory
//   - products of a warpgroup wait for each other: ptxas calls them serialized
//   - it ignores how many registers a warpgroup asks for or leaves
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const mostRegisters = 64;
const mostSpilled = 16; // bytes: ptxas gives up a register or two for one more block

/** Kernels that may have a stack frame, and why. */
const withStack = {
  rope_kernel: 'sincosf reduces large angles there; positions do not reach them',
  qk_norm_rope_cache_kernel: 'the same',
};

const filesOf = (folder, ending) =>
  readdirSync(join(root, folder), { recursive: true })
    .filter((file) => file.endsWith(ending))
    .map((file) => join(root, folder, file));

function compile(command, args) {
  const options = { stdio: ['inherit', 'inherit', 'pipe'], encoding: 'utf8' };
  const { status, stderr } = spawnSync(command, args, { ...options, maxBuffer: 1 << 28 });
  const object = args[args.indexOf('-o') + 1];
  const isNote = (line) => /^ptxas info|^ {4}\d+ bytes stack frame/.test(line);
  const lines = stderr.split('\n');
  writeFileSync(`${object}.ptxas`, lines.filter(isNote).join('\n'));
  process.stderr.write(lines.filter((line) => !isNote(line)).join('\n'));
  return status ?? 1;
}

/** The kernels of a report: `{ name, gpu, registers, stack, spilled }`. */
function kernelsOf(report) {
  const kernels = [];
  for (const entry of report.split(/(?=ptxas info +: Compiling entry function)/)) {
    const [, name, gpu] = /Compiling entry function '(\S+)' for '(\S+)'/.exec(entry) ?? [];
    if (!name) continue;
    const number = (pattern) => Number(pattern.exec(entry)?.[1] ?? 0);
    kernels.push({
      name,
      gpu,
      registers: number(/Used (\d+) registers/),
      stack: number(/(\d+) bytes stack frame/),
      spilled: number(/(\d+) bytes spill stores/),
    });
  }
  return kernels;
}

function check() {
  const unbounded = filesOf('native/cuda', '').flatMap((file) =>
    /\.(cu|cuh|h)$/.test(file)
      ? [...readFileSync(file, 'utf8').matchAll(/__global__ void (?!__launch_bounds__)(\w+)\(/g)]
      : [],
  );
  // A mangled name holds each identifier behind its length.
  const is = (kernel, name) => kernel.name.includes(`${name.length}${name}`);
  const reports = filesOf('build', '.ptxas').map((file) => readFileSync(file, 'utf8'));
  const kernels = reports.flatMap(kernelsOf);
  const complaints = kernels.flatMap((kernel) => {
    const { registers, stack, spilled } = kernel;
    const found = [];
    if (registers > mostRegisters && unbounded.some(([, name]) => is(kernel, name)))
      found.push(`needs ${registers} registers and has no __launch_bounds__`);
    if (spilled > mostSpilled) found.push(`spills ${spilled} bytes`);
    else if (stack > mostSpilled && !Object.keys(withStack).some((name) => is(kernel, name)))
      found.push(`has a stack frame of ${stack} bytes`);
    return found.map((what) => `${kernel.name} for ${kernel.gpu} ${what}`);
  });
  complaints.push(
    ...reports.flatMap((report) => report.match(/^.*(serialized|setmaxnreg.*ignored).*$/gm) ?? []),
  );
  for (const complaint of complaints) console.error(complaint);
  console.log(`${kernels.length} kernels compiled, ${complaints.length} complaints`);
  return kernels.length === 0 || complaints.length > 0 ? 1 : 0;
}

const [command, ...args] = process.argv.slice(2);
process.exitCode = command ? compile(command, args) : check();
