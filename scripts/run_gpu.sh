#!/bin/sh
# Runs everything of bench/gpu on this machine, from a bundle (`npm run bundle:gpu`) or a built checkout:
#
#   sh scripts/run_gpu.sh [--build] [--minutes 25] [--out folder] [--checks] [--only text]... [--again]
#
# Needs a CUDA driver and nothing else. What the bundle holds is taken as it is where it can be loaded and
# finds a GPU; otherwise, and with --build, it is built from its sources with the nvcc, CMake and C++
# compiler found here, for the GPU found here; that is part of the minutes. With the folder of an earlier
# run it goes on. The rest of the words are explained in bench/gpu/run.ts.
set -eu
began=$(date +%s)
root=$(cd "$(dirname "$0")/.." && pwd)
if [ -x "$root/build/bin/node" ]; then PATH="$root/build/bin:$PATH"; fi
PATH="$PATH:/usr/local/cuda/bin"
export PATH
build=no
if [ "${1:-}" = --build ]; then
  build=yes
  shift
fi

say() { echo "run_gpu: $*"; }

# Whether the device library loads and has code for the GPU here; 2 where there is no driver, which no build
# mends.
opens() {
  STYLEAR_CUBLASLT=none node --input-type=module -e "
    const { openDevice } = await import('$root/dist/index.js');
    try {
      await (await openDevice('cuda')).close();
    } catch (error) {
      console.log('run_gpu: ' + error.message);
      process.exit(error.message.includes('libcuda.so.1') ? 2 : 1);
    }" 2>&1
}

build() {
  capability=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader --id=0 | tr -d .) || true
  case $capability in '' | 90) capability=90a ;; esac
  headers="$root/build/headers/node;$root/node_modules/node-addon-api"
  say "building for $capability, in $root/build/from_source"
  cmake -S "$root" -B "$root/build/from_source" -DCMAKE_BUILD_TYPE=Release -DSTYLEAR_CUDA=on \
    "-DSTYLEAR_CUDA_ARCHITECTURES=$capability-real" "-DCMAKE_JS_INC=$headers" \
    "-DCMAKE_LIBRARY_OUTPUT_DIRECTORY=$root/build/Release" &&
    cmake --build "$root/build/from_source" --parallel --target all gpu_programs
}

if [ "$build" = no ]; then
  status=0
  opens || status=$?
  if [ "$status" = 1 ]; then
    say "what was built before does not do here"
    build=yes
  fi
fi
if [ "$build" = yes ]; then
  if build; then opens || true; else say "could not be built here"; fi
fi

# Without one that loads, the variable stays as it is: the device has to open.
found=$(node "$root/scripts/find_cublaslt.mjs") || say "no cuBLASLt was looked for"
if [ -n "$found" ]; then
  STYLEAR_CUBLASLT=$found
  export STYLEAR_CUBLASLT
fi

exec node "$root/build/bench/js/bench/gpu/run.js" --since "$began" "$@"
