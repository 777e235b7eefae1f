// What this machine's CPU can do at most: the ceilings that every share in bench/results divides
// by.
//   limits fma|bf16|int8|read THREADS SECONDS   prints GFLOP/s (int8: GOP/s), or GB/s for read
// Compiled for the machine it runs on by bench/limits.ts. The figure is the median of ten
// stretches.
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace {

#if defined(__AVX512F__)
constexpr int lanes = 16;
#elif defined(__AVX2__)
constexpr int lanes = 8;
#else
constexpr int lanes = 4;
#endif
using Floats = float __attribute__((vector_size(4 * lanes)));

double now() {
  using namespace std::chrono;
  return duration<double>(steady_clock::now().time_since_epoch()).count();
}

// Twelve chains of multiply-adds, enough to hide their latency, in variables of their own: an array
// would live in memory. The empty statement keeps the compiler from knowing the values.
template <class V, class Step>
double chains(int64_t rounds, V one, V zero, double work, Step step) {
  V a = zero, b = zero, c = zero, d = zero, e = zero, f = zero;
  V g = zero, h = zero, i = zero, j = zero, k = zero, l = zero;
  for (int64_t r = 0; r < rounds; ++r) {
    a = step(a, one), b = step(b, one), c = step(c, one), d = step(d, one);
    e = step(e, one), f = step(f, one), g = step(g, one), h = step(h, one);
    i = step(i, one), j = step(j, one), k = step(k, one), l = step(l, one);
#if defined(__x86_64__)
    asm volatile("" : "+v"(a), "+v"(b), "+v"(c), "+v"(d), "+v"(e), "+v"(f));
    asm volatile("" : "+v"(g), "+v"(h), "+v"(i), "+v"(j), "+v"(k), "+v"(l));
#endif
  }
  volatile V sink = a + b + c + d + e + f + g + h + i + j + k + l;
  (void)sink;
  return static_cast<double>(rounds) * 12 * work;
}

double fma_work(int64_t rounds) {
  volatile float half = 0.5f;
  const Floats one = Floats{} + half;
  return chains(rounds, one, Floats{}, 2.0 * lanes, [](Floats v, Floats x) { return v * x + x; });
}

// 0 where the machine lacks the instruction.
double bf16_work([[maybe_unused]] int64_t rounds) {
#if defined(__AVX512BF16__)
  const __m512bh one = reinterpret_cast<__m512bh>(_mm512_set1_epi16(0x3f00));
  return chains(rounds, _mm512_setzero_ps(), _mm512_setzero_ps(), 64,
                [one](__m512 v, __m512) { return _mm512_dpbf16_ps(v, one, one); });
#else
  return 0;
#endif
}

double int8_work([[maybe_unused]] int64_t rounds) {
#if defined(__AVX512VNNI__)
  return chains(rounds, _mm512_set1_epi8(3), _mm512_setzero_si512(), 128,
                [](__m512i v, __m512i x) { return _mm512_dpbusd_epi32(v, x, x); });
#else
  return 0;
#endif
}

double read_work(const float* from, int64_t count) {
  Floats sums[8] = {};
  for (int64_t i = 0; i + 8 * lanes <= count; i += 8 * lanes)
#pragma GCC unroll 8
    for (int k = 0; k < 8; ++k) {
      Floats v;
      std::memcpy(&v, from + i + k * lanes, sizeof v);
      __builtin_prefetch(from + i + k * lanes + 1024);
      sums[k] += v;
    }
  for (int k = 1; k < 8; ++k) sums[0] += sums[k];
  volatile Floats sink = sums[0];
  (void)sink;
  return static_cast<double>(count) * 4;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: limits fma|bf16|int8|read THREADS SECONDS\n");
    return 2;
  }
  const std::string kind = argv[1];
  const int threads = std::max(1, std::atoi(argv[2]));
  const double seconds = std::max(0.01, std::atof(argv[3]));
  constexpr int stretches = 10;

  constexpr int64_t bytes = int64_t{512} << 20;
  float* memory = nullptr;
  if (kind == "read") {
    void* block = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED) return 1;
    madvise(block, bytes, MADV_HUGEPAGE);
    memory = static_cast<float*>(block);
    for (int64_t i = 0; i < bytes / 4; i += 16) memory[i] = 1;
  }

  std::vector<std::vector<double>> done(threads, std::vector<double>(stretches));
  std::vector<double> took(stretches);
  std::barrier gate(threads);
  const auto member = [&](int t) {
    const int64_t share = bytes / 4 / threads / 1024 * 1024;
    for (int s = -1; s < stretches; ++s) {
      gate.arrive_and_wait();
      const double begin = now(), end = begin + (s < 0 ? 0.1 : 1.0) * seconds / stretches;
      double work = 0;
      do {
        if (kind == "fma") work += fma_work(20000);
        if (kind == "bf16") work += bf16_work(20000);
        if (kind == "int8") work += int8_work(20000);
        if (kind == "read") work += read_work(memory + share * t, share);
      } while (now() < end && work > 0);
      gate.arrive_and_wait();
      if (s < 0) continue;
      done[t][s] = work;
      if (t == 0) took[s] = now() - begin;
    }
  };
  std::vector<std::thread> others;
  for (int t = 1; t < threads; ++t) others.emplace_back(member, t);
  member(0);
  for (std::thread& thread : others) thread.join();

  std::vector<double> rates;
  for (int s = 0; s < stretches; ++s) {
    double work = 0;
    for (int t = 0; t < threads; ++t) work += done[t][s];
    rates.push_back(work / took[s] / 1e9);
  }
  std::sort(rates.begin(), rates.end());
  std::printf("%.2f\n", rates[stretches / 2]);
}
