// The CPU device, one library per instruction set from the same sources.
#include <sched.h>

#include <cstdio>
#include <fstream>
#include <set>

#include "host/host_device.h"
#include "run.h"
#include "workers.h"

namespace stylear::cpu {

namespace {

// Cores this process may run on: hardware threads of one core are counted once, and a container's
// quota of processor time is kept to.
int usable_cores() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return 1;
  std::set<std::string> cores;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed)) continue;
    std::ifstream file("/sys/devices/system/cpu/cpu" + std::to_string(cpu) +
                       "/topology/thread_siblings_list");
    std::string siblings;
    if (!std::getline(file, siblings)) siblings = "cpu" + std::to_string(cpu);
    cores.insert(siblings);
  }
  int count = static_cast<int>(cores.size());
  std::ifstream quota_file("/sys/fs/cgroup/cpu.max");
  double quota = 0, period = 0;
  if (quota_file >> quota >> period && period > 0 && quota > 0) {
    const int share = static_cast<int>((quota + period - 1) / period);
    if (share < count) count = share;
  }
  return count > 1 ? count : 1;
}

Device* open(const OpenOptions& options) {
  const int threads = options.threads > 0 ? options.threads : usable_cores();
  return new HostDevice<Workers>("cpu-" STYLEAR_CPU_LEVEL, threads, threads);
}

// This file is compiled for the level it asks about, so what runs before the answer is known has
// to do without the level's instructions.
#if defined(__x86_64__)
#define STYLEAR_BASELINE __attribute__((target("no-avx,no-avx2,no-avx512f,no-fma,no-f16c")))
#else
#define STYLEAR_BASELINE
#endif

struct Level {
  const char* missing;  // the first feature of the level this machine lacks; null when none
  int score;
};

STYLEAR_BASELINE Level level() {
#define NEEDS(feature)                           \
  if (!__builtin_cpu_supports(feature)) return { \
      feature, 0                                 \
    }
#if !defined(__AVX2__)
  return {nullptr, 10};
#else
  __builtin_cpu_init();
  NEEDS("avx2");
  NEEDS("fma");
#if defined(STYLEAR_AVX512_TWIN)
  return {nullptr, 1};
#elif defined(__AVX512F__)
  NEEDS("avx512f");
  NEEDS("avx512bw");
  NEEDS("avx512vl");
  NEEDS("avx512dq");
  NEEDS("avx512cd");
#if defined(__AVX512BF16__)
  NEEDS("avx512bf16");
  return {nullptr, 40};
#else
  return {nullptr, 30};
#endif
#else
  return {nullptr, 20};
#endif
#endif
#undef NEEDS
}

STYLEAR_BASELINE int score(std::string& why) {
  const Level answer = level();
  if (answer.missing) {
    why.assign("this processor lacks ");
    why.append(answer.missing);
  }
  return answer.score;
}

}  // namespace

}  // namespace stylear::cpu

extern "C" __attribute__((visibility("default"))) const stylear::DeviceLibrary*
stylear_device_library() {
  static const stylear::DeviceLibrary library = {STYLEAR_BUILD, "cpu-" STYLEAR_CPU_LEVEL,
                                                 stylear::cpu::score, stylear::cpu::open};
  return &library;
}
