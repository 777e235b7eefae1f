// Kernels with one deliberate mistake each: does the present build notice what it promises to? A
// case runs in a process of its own, because AddressSanitizer ends the program.
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "cuda/ptx.h"

using namespace stylear;
using namespace stylear::cuda;

namespace {

__global__ void missing_barrier(int* out) {  // write, then read a neighbour's element
  SHARED_ARRAY(int, s, 128);
  s[threadIdx.x] = int(threadIdx.x);
  out[threadIdx.x] = s[(threadIdx.x + 37) % 128];
}
__global__ void missing_barrier_loop(
    int* out) {  // the next round overwrites what others still read
  SHARED_ARRAY(int, s, 128);
  int sum = 0;
  for (int i = 0; i < 4; ++i) {
    s[threadIdx.x] = int(threadIdx.x) * i;
    __syncthreads();
    sum += s[127 - threadIdx.x];
  }
  out[threadIdx.x] = sum;
}
__global__ void missing_syncwarp(int* out) {  // relies on lockstep execution inside a warp
  SHARED_ARRAY(int, s, 32);
  s[threadIdx.x] = int(threadIdx.x) + 1;
  out[threadIdx.x] = s[31 - threadIdx.x];
}
__global__ void shuffle_is_no_fence(int* out) {  // a shuffle between does not order shared memory
  SHARED_ARRAY(int, s, 32);
  s[threadIdx.x] = int(threadIdx.x) + 1;
  int x = __shfl_sync(full_warp, int(threadIdx.x), 0);
  out[threadIdx.x] = s[31 - threadIdx.x] + x;
}
__global__ void same_value_race(int* out) {  // benign on most machines, still a race
  SHARED_ARRAY(int, s, 1);
  s[0] = 7;
  __syncthreads();
  out[threadIdx.x] = s[0];
}
__global__ void static_overflow(int* out) {
  SHARED_ARRAY(int, a, 32);
  SHARED_ARRAY(int, b, 32);
  b[threadIdx.x] = 5;
  __syncthreads();
  a[threadIdx.x + 1] = 1;  // a[32] would be b[0] on the GPU
  __syncthreads();
  out[threadIdx.x] = b[threadIdx.x] + a[threadIdx.x];
}
__global__ void carve_overflow(int* out) {  // runs from one carved region into the next
  SharedCarver c;
  int* a = c.take<int>(64);
  int* b = c.take<int>(64);
  b[threadIdx.x] = 5;
  __syncthreads();
  a[threadIdx.x + 33] = 1;
  __syncthreads();
  out[threadIdx.x] = b[threadIdx.x];
}
__global__ void too_little_dynamic(int* out) {
  SharedCarver c;
  int* a = c.take<int>(64);
  a[threadIdx.x] = 1;
  out[threadIdx.x] = a[threadIdx.x];
}
__global__ void arrays_and_dynamic(int* out) {  // each alone would fit
  SHARED_ARRAY(int, a, 1024);
  a[threadIdx.x] = 1;
  out[threadIdx.x] = a[threadIdx.x];
}
__global__ void global_overflow(int* out) { out[threadIdx.x + 1] = 1; }
__global__ void uninitialised(float* out) {
  SHARED_ARRAY(float, s, 64);
  if (threadIdx.x < 31) s[threadIdx.x] = 1.f;
  __syncthreads();
  out[threadIdx.x] = s[threadIdx.x];
}
__global__ void divergent_barrier(int* out) {
  if (threadIdx.x < 16)
    __syncthreads();
  else
    __syncthreads();
  out[threadIdx.x] = 1;
}
__global__ void barrier_in_half(int* out) {  // one warp waits at a barrier the other never reaches
  if (threadIdx.x < 32)
    __syncthreads();
  else
    ptx::named_barrier<1>(64);
  out[threadIdx.x] = 1;
}
__global__ void lost_lane(int* out) {  // lane 5 leaves before a full-warp shuffle
  if (threadIdx.x == 5) return;
  out[threadIdx.x] = __shfl_xor_sync(full_warp, int(threadIdx.x), 1);
}
__global__ void lane_not_in_mask(int* out) {
  out[threadIdx.x] = __shfl_sync(0x0000ffffu, int(threadIdx.x), 0);
}
__global__ void different_collectives(int* out) {
  if (threadIdx.x & 1)
    out[threadIdx.x] = __shfl_sync(full_warp, 1, 0);
  else
    out[threadIdx.x] = int(__ballot_sync(full_warp, 1));
}
__global__ void crossing_collectives(int* out) {  // 0 waits for 2, and 1 and 2 for 0
  if (threadIdx.x == 0)
    out[0] = __shfl_sync(0b101u, 1, 0);
  else if (threadIdx.x < 3)
    out[threadIdx.x] = __shfl_sync(0b111u, 1, 0);
}
__global__ void copy_not_waited(const int* in, int* out) {  // cp.async without wait
  SHARED_ARRAY(int4, s, 32);
  ptx::cp_async_16(&s[threadIdx.x], in + threadIdx.x * 4);
  ptx::cp_async_commit();
  out[threadIdx.x] = s[threadIdx.x].x;
}
__global__ void copy_not_published(const int* in,
                                   int* out) {  // waited for, but only by the issuing thread
  SHARED_ARRAY(int4, s, 32);
  ptx::cp_async_16(&s[threadIdx.x], in + threadIdx.x * 4);
  ptx::cp_async_commit();
  ptx::cp_async_wait<0>();
  out[threadIdx.x] = s[31 - threadIdx.x].x;
}
__global__ void copy_wrong_group(const int* in,
                                 int* out) {  // waits for the older of two groups only
  SHARED_ARRAY(int4, s, 64);
  ptx::cp_async_16(&s[threadIdx.x], in + threadIdx.x * 4);
  ptx::cp_async_commit();
  ptx::cp_async_16(&s[threadIdx.x + 32], in + threadIdx.x * 4);
  ptx::cp_async_commit();
  ptx::cp_async_wait<1>();
  __syncthreads();
  out[threadIdx.x] = s[threadIdx.x].x + s[threadIdx.x + 32].x;
}
__global__ void copy_overwrites_readers(const int* in,
                                        int* out) {  // refill issued while other threads still read
  SHARED_ARRAY(int4, s, 64);
  s[threadIdx.x] = make_int4(int(threadIdx.x), 0, 0, 0);
  __syncthreads();
  if (threadIdx.x >= 32)
    out[threadIdx.x] = s[threadIdx.x - 32].x;
  else {
    ptx::cp_async_16(&s[threadIdx.x], in);
    ptx::cp_async_commit();
    ptx::cp_async_wait<0>();
  }
}
__global__ void misaligned_copy(const int* in, int* out) {
  SHARED_ARRAY(int4, s, 33);
  ptx::cp_async_16(reinterpret_cast<int*>(&s[threadIdx.x]) + 1, in);
  ptx::cp_async_wait<0>();
  out[threadIdx.x] = 0;
}
__global__ void misaligned_vector(int* out) {
  SHARED_ARRAY(int, s, 256);
  for (int i = 0; i < 8; ++i) s[threadIdx.x * 8 + i] = 1;
  *reinterpret_cast<int4*>(out) = *reinterpret_cast<int4*>(&s[threadIdx.x * 4 + 1]);
}
__global__ void partial_warp_mma(float* out) {
  float d[4] = {};
  uint32_t a[4] = {}, b[2] = {};
  ptx::mma_bf16_16816(d, a, b);
  out[threadIdx.x] = d[0];
}
__global__ void blocks_overlap(int* out) {
  out[threadIdx.x + blockIdx.x * 16] = 1;
}  // neighbouring blocks write the same elements
__global__ void block_reads_neighbour(int* out) {  // there is no order between blocks
  if (threadIdx.x == 0)
    out[blockIdx.x] = 1;
  else if (threadIdx.x == 1)
    out[64 + blockIdx.x] = blockIdx.x ? out[blockIdx.x - 1] : 0;
}
__global__ void global_exchange(int* out) {  // through global memory, without a barrier
  out[threadIdx.x] = int(threadIdx.x);
  out[64 + threadIdx.x] = out[63 - threadIdx.x];
}
__global__ void last_block(int* out) {  // correct: the counter orders the blocks
  SHARED_ARRAY(int, last, 1);
  if (threadIdx.x == 0) {
    out[blockIdx.x] = int(blockIdx.x) + 1;
    __threadfence();
    last[0] = atomicAdd(&out[100], 1) == int(gridDim.x) - 1;
  }
  __syncthreads();
  if (last[0] && threadIdx.x == 0) {
    int s = 0;
    for (unsigned i = 0; i < gridDim.x; ++i) s += out[i];
    out[101] = s;
  }
}
__global__ void atomics_and_plain(int* out) {  // a plain read races with other threads' atomics
  SHARED_ARRAY(int, s, 1);
  if (threadIdx.x == 0) s[0] = 0;
  __syncthreads();
  atomicAdd(&s[0], 1);
  out[threadIdx.x] = s[0];
}

enum class Build { plain, address, race };

Build build() {
  if (simt::race_build()) return Build::race;
#ifdef __SANITIZE_ADDRESS__
  return Build::address;
#else
  return Build::plain;
#endif
}

struct Case {
  const char* name;
  const char* promised;  // the builds that must notice: plain, address, race
  const char* said;      // what the race build calls the mistake
  std::function<void()> run;
  std::function<bool()> right;  // is the output that of a correct kernel? Without it: no opinion
};

// What becomes of a case in a process of its own: "" if nothing was noticed.
std::string outcome(const Case& c) {
  int ends[2];
  if (pipe(ends)) return "no pipe";
  std::fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    dup2(ends[1], 2);
    std::string said;
    try {
      c.run();
      said = !c.right || c.right() ? "" : "wrong result";
    } catch (const Error& error) {
      said = error.what();
    }
    said = "\n@@" + said;
    if (write(2, said.data(), said.size()) < 0) _exit(1);
    _exit(0);
  }
  close(ends[1]);
  std::string said;
  char buffer[4096];
  for (ssize_t n; (n = read(ends[0], buffer, sizeof buffer)) > 0;) said.append(buffer, size_t(n));
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  const size_t end = said.find("@@");
  if (end == std::string::npos) {
    const size_t at = said.find("AddressSanitizer: ");
    if (at != std::string::npos) return said.substr(at, said.find('\n', at) - at);
    return "ended with status " + std::to_string(status);
  }
  const size_t undefined = said.find("runtime error: ");
  return undefined < end ? said.substr(undefined, 80) : said.substr(end + 2);
}

int* integers(size_t count) { return static_cast<int*>(simt::device_alloc(count * sizeof(int))); }

template <class... P, class... A>
std::function<void()> once(void (*kernel)(P...), int threads, size_t shared, A... args) {
  return [=] { launch(GpuStream{}, kernel, 1, threads, shared, args...); };
}

std::vector<Case> cases() {
  int *in = integers(4096), *o = integers(128), *guard = integers(32);
  for (int i = 0; i < 4096; ++i) in[i] = i;
  const int* ci = in;
  auto* f = reinterpret_cast<float*>(o);
  const auto all = [o](int n, auto expected) {
    return [=] {
      for (int i = 0; i < n; ++i)
        if (o[i] != expected(i)) return false;
      return true;
    };
  };
  return {
      {"missing_barrier", "plain address race", "before any write",
       once(missing_barrier, 128, 0, o), all(128, [](int i) { return (i + 37) % 128; })},
      {"missing_barrier_loop", "plain address race", "race", once(missing_barrier_loop, 128, 0, o),
       all(128, [](int i) { return (127 - i) * 6; })},
      {"missing_syncwarp", "plain address race", "before any write",
       once(missing_syncwarp, 32, 0, o), all(32, [](int i) { return 32 - i; })},
      {"shuffle_is_no_fence", "race", "race", once(shuffle_is_no_fence, 32, 0, o),
       all(32, [](int i) { return 32 - i; })},
      {"same_value_race", "race", "write after write", once(same_value_race, 64, 0, o),
       all(64, [](int) { return 7; })},
      {"static_overflow", "address race", "out of bounds", once(static_overflow, 32, 0, o),
       all(32, [](int) { return 6; })},
      {"carve_overflow", "address race", "out of bounds", once(carve_overflow, 32, 512, o),
       all(32, [](int) { return 5; })},
      {"too_little_dynamic",
       "plain address race",
       "needs bytes 0 to 256",
       once(too_little_dynamic, 32, 128, o),
       {}},
      {"arrays_and_dynamic",
       "plain address race",
       "has not asked for more",
       once(arrays_and_dynamic, 32, 45 * 1024, o),
       {}},
      {"arrays_and_asked",
       "plain address race",
       "beside dynamic memory",
       once(arrays_and_dynamic, 32, 64 * 1024, o),
       {}},
      {"global_overflow", "address race", "out of bounds", once(global_overflow, 32, 0, guard), {}},
      {"uninitialised", "plain address race", "before any write", once(uninitialised, 32, 0, f),
       [f] { return f[31] == f[31]; }},
      {"divergent_barrier",
       "plain address race",
       "divergent __syncthreads",
       once(divergent_barrier, 32, 0, o),
       {}},
      {"barrier_in_half", "plain address race", "deadlock", once(barrier_in_half, 64, 0, o), {}},
      {"lost_lane", "plain address race", "exited", once(lost_lane, 32, 0, o), {}},
      {"lane_not_in_mask",
       "plain address race",
       "is not in the mask",
       once(lane_not_in_mask, 32, 0, o),
       {}},
      {"different_collectives",
       "plain address race",
       "while lane",
       once(different_collectives, 32, 0, o),
       {}},
      {"crossing_collectives",
       "plain address race",
       "while lane",
       once(crossing_collectives, 32, 0, o),
       {}},
      {"copy_not_waited", "plain address race", "copy in flight",
       once(copy_not_waited, 32, 0, ci, o), all(32, [](int i) { return i * 4; })},
      {"copy_not_published", "plain address race", "before any write",
       once(copy_not_published, 32, 0, ci, o), all(32, [](int i) { return (31 - i) * 4; })},
      {"copy_wrong_group", "plain address race", "copy in flight",
       once(copy_wrong_group, 32, 0, ci, o), all(32, [](int i) { return i * 8; })},
      {"copy_overwrites_readers", "race", "race", once(copy_overwrites_readers, 64, 0, ci, o),
       [o] {
         for (int i = 32; i < 64; ++i)
           if (o[i] != i - 32) return false;
         return true;
       }},
      {"misaligned_copy",
       "plain address race",
       "misaligned",
       once(misaligned_copy, 32, 0, ci, o),
       {}},
      {"misaligned_vector", "address race", "misaligned", once(misaligned_vector, 32, 0, o), {}},
      {"partial_warp_mma",
       "plain address race",
       "needs a full warp",
       once(partial_warp_mma, 16, 0, f),
       {}},
      {"blocks_overlap",
       "race",
       "race on global memory",
       [o] { launch(GpuStream{}, blocks_overlap, 4, 32, 0, o); },
       {}},
      {"block_reads_neighbour",
       "race",
       "race on global memory",
       [o] { launch(GpuStream{}, block_reads_neighbour, 4, 32, 0, o); },
       {}},
      {"global_exchange", "plain address race", "race on global memory",
       once(global_exchange, 64, 0, o),
       [o] {
         for (int i = 0; i < 64; ++i)
           if (o[64 + i] != 63 - i) return false;
         return true;
       }},
      {"last_block", "", "",  // correct: the counter orders the blocks
       [o] {
         o[100] = 0;
         launch(GpuStream{}, last_block, 8, 32, 0, o);
       },
       [o] { return o[101] == 36; }},
      {"atomics_and_plain", "race", "race", once(atomics_and_plain, 64, 0, o), {}},
  };
}

}  // namespace

int main() {
  const char* mine = build() == Build::plain  ? "plain"
                     : build() == Build::race ? "race"
                                              : "address";
  int failures = 0;
  for (const Case& c : cases()) {
    const std::string promised = c.promised, said = outcome(c);
    const char* verdict = "";
    if (promised.find(mine) != std::string::npos && said.empty()) verdict = "MISSED: ";
    if (promised.empty() && !said.empty()) verdict = "FALSE ALARM: ";
    if (build() == Build::race && said.find(c.said) == std::string::npos) verdict = "MISNAMED: ";
    if (*verdict) ++failures;
    std::printf("%-24s %s%s\n", c.name, verdict, said.empty() ? "nothing noticed" : said.c_str());
  }
  std::printf(failures ? "%d failures\n" : "all passed\n", failures);
  return failures != 0;
}
