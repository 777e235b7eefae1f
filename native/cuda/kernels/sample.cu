#include <algorithm>

#include "../../core/philox.h"
#include "../run.h"
#include "../stream.h"
#include "sample_select.cuh"

namespace stylear::cuda {
namespace {

constexpr int most_resident = 16384;  // keys that fit into shared memory beside the bins

template <class T>
struct SampleRows {
  const T *logits, *uncond;  // [rows, width]; uncond may be null
  const int *range, *top_k;
  const float* settings;
  const int *seeds, *positions;
  int* tokens;
  float* log_probs;  // or null
  int64_t first_token;
  int width;
  FaultSite range_fault, top_k_fault, temperature_fault, top_p_fault, min_p_fault;
};

// A weight of 1 in the integers that weights are added in: 2^20 of them fit into 64 bits.
constexpr float unit_weight = 1099511627776.f;  // 2^40

__device__ __forceinline__ float gumbel(Seed seed, int position, uint32_t token) {
  const PhiloxBlock block = gumbel_block(seed, position, token / 4);
  const uint32_t low = token & 1 ? block.words[1] : block.words[0];
  const uint32_t high = token & 1 ? block.words[3] : block.words[2];
  return -logf(-logf(uniform_of(token & 2 ? high : low)));
}

// One block draws the token of one row. Logits are read once, from consecutive addresses, and stay
// in shared memory as keys whose unsigned order is theirs, if no more than 16,384 are legal; else
// they are read again, from L2, in each pass. Passes: the best key; four for top-k and six for
// top-p, where they are asked for; the draw. At 8,192 columns the time is that of about ten block
// barriers a pass, not of the arithmetic or of memory.
template <class T>
__global__ void __launch_bounds__(sample_threads, 1) sample_kernel(const SampleRows<T> p) {
  SharedCarver carve;
  void* space = carve.take<char>(bin_bytes);
  uint32_t* keys = carve.take<uint32_t>(min(p.width, most_resident));

  const int64_t row = blockIdx.x;
  const int64_t begin = p.range[2 * row] - p.first_token;
  const int64_t end = p.range[2 * row + 1] - p.first_token;
  const float guidance = p.settings[4 * row], temperature = p.settings[4 * row + 1];
  const float top_p = p.settings[4 * row + 2], min_p = p.settings[4 * row + 3];
  const int top_k = p.top_k[row], thread = threadIdx.x;

  const auto give = [&](int64_t column, float log_prob) {
    p.tokens[row] = int(p.first_token + column);
    if (p.log_probs) p.log_probs[row] = log_prob;
  };
  const bool fit = temperature >= 0.f && top_p > 0.f && top_p <= 1.f && min_p >= 0.f && min_p < 1.f;
  if (begin < 0 || begin >= end || end > p.width || top_k < 0 || !fit) {
    if (thread != 0) return;
    if (begin < 0 || begin >= p.width) {
      p.range_fault.report(p.range[2 * row]);
    } else if (begin >= end || end > p.width) {
      FaultSite end_fault = p.range_fault;
      end_fault.low = p.range[2 * row] + int64_t{1};
      end_fault.high += 1;
      end_fault.report(p.range[2 * row + 1]);
    } else if (top_k < 0) {
      p.top_k_fault.report(top_k);
    } else if (!(temperature >= 0.f)) {
      p.temperature_fault.report_real(temperature);
    } else if (!(top_p > 0.f && top_p <= 1.f)) {
      p.top_p_fault.report_real(top_p);
    } else {
      p.min_p_fault.report_real(min_p);
    }
    give(0, 0.f);
    return;
  }
  if (end - begin == 1) {  // forced
    if (thread == 0) give(begin, 0.f);
    return;
  }

  const int n = int(end - begin);
  const bool resident = n <= most_resident;
  const T* logits = p.logits + row * p.width + begin;
  const T* uncond = p.uncond ? p.uncond + row * p.width + begin : nullptr;
  const auto read_key = [&](int i) {
    const float c = to_float(logits[i]);
    if (!uncond) return order_key(c);
    const float u = to_float(uncond[i]);
    return order_key(fmaf(guidance, c - u, u));
  };
  const auto key_of = [&](int i) { return resident ? keys[i] : read_key(i); };

  uint32_t best = 0;
#pragma unroll 4
  for (int i = thread; i < n; i += sample_threads) {
    const uint32_t key = read_key(i);
    if (resident) keys[i] = key;
    best = max(best, key);
  }
  best = block_reduce(best, 0u, Max());
  if (temperature == 0.f) {
    int column = n;
    for (int i = thread; i < n; i += sample_threads)
      if (key_of(i) == best) column = min(column, i);
    column = -block_reduce(-column, -n, Max());
    if (thread == 0) give(begin + column, 0.f);
    return;
  }

  // Kept are keys above `least`, and those equal to it below place `cut`.
  uint32_t least = 0;
  int cut = n;
  if (top_k > 0 && top_k < n)
    least =
        select_descending<uint32_t>(space, n, 0u, top_k, key_of, [](uint32_t) { return 1u; }).key;

  // Weights relative to the best; where values are infinite, those equal to it share everything.
  const float top = key_value(best) / temperature;
  const auto weight_of = [&](uint32_t key) {
    const float x = key_value(key) / temperature;
    return x == top ? 1.f : expf(x - top);
  };
  using Mass = unsigned long long;
  const auto mass_of = [&](uint32_t key) { return Mass(weight_of(key) * unit_weight); };
  if (top_p < 1.f && key_value(best) > -INFINITY) {
    Mass total = 0;
    for (int i = thread; i < n; i += sample_threads) {
      const uint32_t key = key_of(i);
      if (key >= least) total += mass_of(key);
    }
    total = block_sum(total);
    // The mass before a token is an integer, so it is below top_p * total exactly when it is below
    // the next integer up.
    const Mass limit = max(Mass(1), Mass(ceil(double(top_p) * double(total))));
    const Selected<Mass> last = select_descending<Mass>(space, n, least, limit, key_of, mass_of);
    least = last.key;
    // Of equal ones the lower tokens come first: as many stay as begin below the limit.
    const Mass each = mass_of(least), room = (limit - last.above + each - 1) / each;
    cut = place_of(n, int(min(room, Mass(n))), [&](int i) { return key_of(i) == least; });
  }

  Mass mass = 0, choice = 0;  // the choice is the key of the score, then the lower place
  const Seed seed(p.seeds[2 * row], p.seeds[2 * row + 1]);
  const int position = p.positions[row];
  for (int i = thread; i < n; i += sample_threads) {
    const uint32_t key = key_of(i);
    if (key < least || (key == least && i >= cut) || weight_of(key) < min_p) continue;
    mass += mass_of(key);
    const float score =
        key_value(key) / temperature + gumbel(seed, position, uint32_t(p.first_token + begin + i));
    choice = max(choice, Mass(order_key(score)) << 32 | ~uint32_t(i));
  }
  mass = block_sum(mass);
  choice = block_reduce(choice, Mass(0), Max());
  if (thread == 0) {
    const int i = int(~uint32_t(choice));
    const float x = key_value(key_of(i)) / temperature;
    give(begin + i, (x == top ? 0.f : x - top) - logf(float(mass) / unit_weight));
  }
}

template <class T>
void sample(const Sample& op, Stream& stream) {
  SampleRows<T> p{};
  const int64_t rows = op.logits.shape[0];
  p.logits = op.logits.as<T>();
  p.uncond = op.uncond.as<T>();
  p.range = op.range.as<int>();
  p.top_k = op.top_k.as<int>();
  p.settings = op.settings.as<float>();
  p.seeds = op.seeds.as<int>();
  p.positions = op.positions.as<int>();
  p.tokens = op.tokens.as<int>();
  p.log_probs = op.log_probs.as<float>();
  p.first_token = op.first_token;
  p.width = static_cast<int>(op.logits.shape[1]);
  p.range_fault = stream.fault(op.name, "range", p.first_token, p.first_token + p.width);
  p.top_k_fault = stream.fault(op.name, "topK", 0, int64_t{1} << 31);
  p.temperature_fault = stream.fault(op.name, "temperature", "0 or more");
  p.top_p_fault = stream.fault(op.name, "top-p", "in (0, 1]");
  p.min_p_fault = stream.fault(op.name, "min-p", "in [0, 1)");
  const size_t shared =
      SharedSize().add<char>(bin_bytes).add<uint32_t>(std::min(p.width, most_resident)).bytes();
  launch(stream, sample_kernel<T>, rows, sample_threads, shared, p);
}

}  // namespace

void run(const Sample& op, Stream& stream) {
  op.logits.dtype == Dtype::f32 ? sample<float>(op, stream) : sample<bf16>(op, stream);
}

}  // namespace stylear::cuda
