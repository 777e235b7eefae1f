// Shuffles, votes, barriers that count, reductions of warps and blocks, atomics.
#include "outputs.h"

namespace stylear::cuda {
namespace {

constexpr int shuffle_kinds = 9;

// Lane l writes to[l + 32 * i] for the i-th.
__global__ void shuffles(const uint32_t* from, uint32_t* to) {
  const int lane = static_cast<int>(threadIdx.x);
  const uint32_t v = from[lane];
  uint32_t* o = to + lane;
  o[0] = __shfl_sync(full_warp, v, 3 * lane);
  o[32] = __shfl_sync(full_warp, v, lane + 5, 8);
  o[64] = __shfl_xor_sync(full_warp, v, 13);
  o[96] = __shfl_xor_sync(full_warp, v, 4, 4);
  o[128] = __shfl_up_sync(full_warp, v, 3);
  o[160] = __shfl_up_sync(full_warp, v, 3, 8);
  o[192] = __shfl_down_sync(full_warp, v, 3);
  o[224] = __shfl_down_sync(full_warp, v, 3, 8);
  // Two groups of lanes that shuffle apart.
  if (lane < 16)
    o[256] = __shfl_xor_sync(0x0000ffffu, v, 9);
  else
    o[256] = __shfl_xor_sync(0xffff0000u, v, 6);
}

void shuffle_outputs(Outputs& outputs) {
  Words from;
  for (uint32_t i = 0; i < 32; ++i) from.push_back(noise(i));
  const Shipped<uint32_t> source(from), to(32 * shuffle_kinds);
  launch(GpuStream{}, shuffles, 1, 32, 0, source.get(), to.get());
  const Words got = to.read();
  // A lane whose source lies outside of its segment keeps its own.
  const struct {
    const char *name, *of;
    int (*source)(int lane);
  } kinds[shuffle_kinds] = {
      {"__shfl_sync", "__shfl_sync", [](int l) { return 3 * l % 32; }},
      {"__shfl_sync/8", "__shfl_sync", [](int l) { return l / 8 * 8 + (l + 5) % 8; }},
      {"__shfl_xor_sync", "__shfl_xor_sync", [](int l) { return l ^ 13; }},
      // The higher lane of a pair reads the lower segment; the lower one may not read beyond its
      // own.
      {"__shfl_xor_sync/4", "__shfl_xor_sync", [](int l) { return l & 4 ? l ^ 4 : l; }},
      {"__shfl_up_sync", "__shfl_up_sync", [](int l) { return l < 3 ? l : l - 3; }},
      {"__shfl_up_sync/8", "__shfl_up_sync", [](int l) { return l % 8 < 3 ? l : l - 3; }},
      {"__shfl_down_sync", "__shfl_down_sync", [](int l) { return l > 28 ? l : l + 3; }},
      {"__shfl_down_sync/8", "__shfl_down_sync", [](int l) { return l % 8 > 4 ? l : l + 3; }},
      {"__shfl_xor_sync/halves", "__shfl_xor_sync", [](int l) { return l ^ (l < 16 ? 9 : 6); }},
  };
  for (int kind = 0; kind < shuffle_kinds; ++kind) {
    Words words(got.begin() + 32 * kind, got.begin() + 32 * kind + 32), expected;
    for (int lane = 0; lane < 32; ++lane) expected.push_back(from[kinds[kind].source(lane)]);
    outputs.exact(kinds[kind].name, {kinds[kind].of}, words, expected);
  }
}

constexpr int votes = 10;

__global__ void ballots(const uint32_t* from, uint32_t* to) {
  const uint32_t v = from[threadIdx.x];
  uint32_t* o = to + threadIdx.x * votes;
  o[0] = __ballot_sync(full_warp, v % 3 == 0);
  o[1] = static_cast<uint32_t>(__any_sync(full_warp, v == from[7]));
  o[2] = static_cast<uint32_t>(__all_sync(full_warp, v != from[7]));
  o[3] = __match_any_sync(full_warp, v % 5);
  o[4] = __reduce_add_sync(full_warp, v);
  o[5] = __reduce_min_sync(full_warp, v);
  o[6] = __reduce_max_sync(full_warp, v);
  o[7] = __reduce_and_sync(full_warp, v | 0xffff);
  o[8] = __reduce_or_sync(full_warp, v & 0x10101010u);
  o[9] = __reduce_xor_sync(full_warp, v);
}

void vote_output(Outputs& outputs) {
  Words from;
  for (uint32_t i = 0; i < 32; ++i) from.push_back(noise(100 + i));
  const Shipped<uint32_t> source(from), to(32 * votes);
  launch(GpuStream{}, ballots, 1, 32, 0, source.get(), to.get());
  uint32_t ballot = 0, match[5] = {}, sum = 0, least = ~0u, most = 0, all = ~0u, any = 0, odd = 0;
  for (uint32_t lane = 0; lane < 32; ++lane) {
    const uint32_t v = from[lane];
    ballot |= uint32_t{v % 3 == 0} << lane, match[v % 5] |= 1u << lane;
    sum += v, least = std::min(least, v), most = std::max(most, v);
    all &= v | 0xffff, any |= v & 0x10101010u, odd ^= v;
  }
  Words expected;
  for (const uint32_t v : from)
    for (const uint32_t word : {ballot, 1u, 0u, match[v % 5], sum, least, most, all, any, odd})
      expected.push_back(word);
  outputs.exact("votes",
                {"__ballot_sync", "__any_sync", "__all_sync", "__match_any_sync",
                 "__reduce_add_sync", "__reduce_min_sync", "__reduce_max_sync", "__reduce_and_sync",
                 "__reduce_or_sync", "__reduce_xor_sync"},
                to.read(), expected);
}

__global__ void counts(uint32_t* to) {
  const int t = static_cast<int>(threadIdx.x);
  uint32_t* o = to + t * 5;
  o[0] = static_cast<uint32_t>(__syncthreads_count(t % 7 == 2));
  o[1] = __syncthreads_or(t == 95) != 0;
  o[2] = __syncthreads_or(t == 96) != 0;
  o[3] = __syncthreads_and(t < 96) != 0;
  o[4] = __syncthreads_and(t != 41) != 0;
}

void count_output(Outputs& outputs) {
  const Shipped<uint32_t> to(96 * 5);
  launch(GpuStream{}, counts, 1, 96, 0, to.get());
  Words expected;
  for (int t = 0; t < 96; ++t)
    for (const uint32_t word : {14u, 1u, 0u, 1u, 0u}) expected.push_back(word);
  outputs.exact("__syncthreads_count",
                {"__syncthreads_count", "__syncthreads_or", "__syncthreads_and"}, to.read(),
                expected);
}

__global__ void reductions(const float* from, float* to) {
  const int t = static_cast<int>(threadIdx.x);
  const float v = from[t];
  float* o = to + t * 4;
  o[0] = warp_sum(v);
  o[1] = warp_max(v);
  o[2] = block_sum(v);
  o[3] = block_max(v);
}

// Integers, whose sums are exact in any order; then values whose sums are not, and a NaN. Both
// machines add in the order that gpu.h says, so that the bits are the same.
void reduction_output(Outputs& outputs, const std::string& name, const std::vector<float>& from) {
  const int threads = static_cast<int>(from.size());
  const Shipped<float> source(from), to(4 * from.size());
  launch(GpuStream{}, reductions, 1, threads, 0, source.get(), to.get());
  const auto butterfly = [](std::vector<float> v, auto combine) {
    for (int d = 16; d > 0; d /= 2) {
      const std::vector<float> before = v;
      for (size_t i = 0; i < v.size(); ++i) v[i] = combine(before[i], before[i ^ d]);
    }
    return v;
  };
  const auto over_block = [&](const std::vector<float>& of_warps, float identity, auto combine) {
    std::vector<float> partial(32, identity);
    for (int warp = 0; warp < threads / 32; ++warp) partial[warp] = of_warps[32 * warp];
    return butterfly(partial, combine);
  };
  const auto add = [](float a, float b) { return a + b; };
  const auto greater = [](float a, float b) { return a > b ? a : b; };
  const std::vector<float> sums = butterfly(from, add), tops = butterfly(from, greater);
  const std::vector<float> sum = over_block(sums, 0, add);
  const std::vector<float> top = over_block(tops, -std::numeric_limits<float>::infinity(), greater);
  std::vector<float> expected;
  for (int t = 0; t < threads; ++t)
    for (const float v : {sums[t], tops[t], sum[t % 32], top[t % 32]}) expected.push_back(v);
  outputs.exact("reductions/" + name, {"warp_sum", "warp_max", "block_sum", "block_max"},
                value_bits(to.read()), value_bits(expected));
}

__global__ void atomics(uint32_t* to, float* sum, const int* order) {
  const uint32_t t = threadIdx.x;
  atomicAdd(to, t);
  atomicSub(to + 1, t);
  atomicMax(to + 2, t * 7 % 96);
  atomicMin(to + 3, t * 7 % 96 + 1);
  atomicOr(to + 4, 1u << t % 32);
  atomicAnd(to + 5, ~(1u << t % 31));
  atomicCAS(to + 6, 40u, 1000u);  // the first succeeds
  atomicInc(to + 7, 9u);
  if (t == 0) to[8] = atomicExch(to + 9, 5u);
  atomicAdd(sum, 0.5f);
  // Loads and stores past the caches.
  __stcs(to + 10 + t,
         static_cast<uint32_t>(__ldg(order + t) + __ldcs(order + t) + __ldcg(order + t)));
}

void atomic_output(Outputs& outputs) {
  std::vector<int> order;
  for (int i = 0; i < 96; ++i) order.push_back(i * 5 - 100);
  Words start(106);
  start[3] = start[5] = ~0u, start[6] = 40, start[9] = 77;
  const Shipped<uint32_t> to(start);
  const Shipped<float> sum(1);
  const Shipped<int> source(order);
  launch(GpuStream{}, atomics, 1, 96, 0, to.get(), sum.get(), source.get());
  Words words = to.read(),
        expected = {4560, uint32_t(-4560), 95, 1, ~0u, 1u << 31, 1000, 96 % 10, 77, 5};
  for (const int v : order) expected.push_back(static_cast<uint32_t>(3 * v));
  words.push_back(bits_of(sum.read()[0])), expected.push_back(bits_of(48));
  outputs.exact("atomics",
                {"atomicAdd", "atomicSub", "atomicMax", "atomicMin", "atomicOr", "atomicAnd",
                 "atomicCAS", "atomicInc", "atomicExch", "__ldg", "__ldcs", "__ldcg", "__stcs"},
                words, expected);
}

}  // namespace

void warp_outputs(Outputs& outputs) {
  shuffle_outputs(outputs);
  vote_output(outputs);
  count_output(outputs);
  std::vector<float> integers, others;
  for (uint32_t i = 0; i < 96; ++i) integers.push_back(static_cast<float>(noise(i) % 999) - 499);
  for (uint32_t i = 0; i < 160; ++i) others.push_back(std::ldexp(noise_in(-1, 1, i), i % 13));
  reduction_output(outputs, "integers", integers);
  reduction_output(outputs, "others", others);
  others[45] = float_of(one_nan);
  reduction_output(outputs, "nan", others);
  atomic_output(outputs);
}

}  // namespace stylear::cuda
