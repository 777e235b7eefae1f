#include "../../core/ops/sample.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "../dispatch.h"
#include "../philox_lanes.h"
#include "../run.h"
#include "../select.h"
#include "../simd_math.h"
#include "../workers.h"

namespace stylear::cpu {

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

struct Settings {
  float guidance, temperature, top_p, min_p;
};

// The tokens still in the draw: values[i] belongs to column columns[i], columns ascending. Behind
// the last, for select_vectors vectors, values are -infinity.
class Candidates {
 public:
  Candidates(int64_t most, Workers& workers)
      : values_(workers.thread_scratch_of<float>(most + (select_vectors + 1) * lanes)),
        columns_(workers.thread_scratch_of<int32_t>(most + (select_vectors + 1) * lanes)),
        spare_(workers.thread_scratch_of<float>(most + (select_vectors + 1) * lanes)),
        order_(workers.thread_scratch_of<uint64_t>(most)) {}

  // All columns of [first, first + count), with guidance when there are unconditional logits. NaN
  // becomes -infinity and -0 becomes 0, so that equal values have equal bits.
  template <class T>
  void begin(const T* logits, const T* uncond, int64_t first, int64_t count, float guidance) {
    count_ = count;
    const Int32s step = Int32s{} + lanes;
    Int32s column = Int32s{} + static_cast<int32_t>(first);
    for (int i = 0; i < lanes; ++i) column[i] += i;
    for (int64_t c = 0; c < count; c += lanes, column += step) {
      const int64_t rest = std::min<int64_t>(lanes, count - c);
      Floats l = load_first(logits + first + c, rest);
      if (uncond) {
        const Floats u = load_first(uncond + first + c, rest);
        l = u + guidance * (l - u);
      }
      store(values_ + c, l == l ? l + 0.0f : splat(-infinity));
      std::memcpy(columns_ + c, &column, sizeof column);
    }
    pad();
  }

  void keep_largest(int64_t k) {
    if (k == 0 || k >= count_) return;
    const float threshold = kth_largest(values_, count_, k, spare_);
    if (threshold > -infinity) keep([&](Floats v, Int32s) -> Int32s { return v >= threshold; });
  }

  void divide(float temperature) {
    if (temperature == 1.0f) return;
    for (int64_t c = 0; c < count_; c += lanes) store(values_ + c, load(values_ + c) / temperature);
  }

  // Best first, a token stays while the mass before it is below p. The sums run over the sorted
  // tokens in f64, so their order does not depend on how the tokens came.
  void keep_mass(float p) {
    const float most = largest();
    if (p >= 1.0f || most == -infinity) return;
    for (int64_t i = 0; i < count_; ++i) {
      const auto worse = static_cast<uint32_t>(INT32_MAX - int64_t{detail::ordered(values_[i])});
      order_[i] = uint64_t{worse} << 32 | static_cast<uint32_t>(columns_[i]);
    }
    std::sort(order_, order_ + count_);
    const auto value_of = [](uint64_t entry) {
      return detail::float_ordered(
          static_cast<int32_t>(INT32_MAX - static_cast<int64_t>(entry >> 32)));
    };
    for (int64_t i = 0; i < count_; ++i) spare_[i] = value_of(order_[i]);
    for (int64_t c = 0; c < count_; c += lanes)
      store(spare_ + c, exp(minus_largest(load(spare_ + c), most)));
    double total = 0;
    for (int64_t i = 0; i < count_; ++i) total += spare_[i];
    const double limit = p * total;
    int64_t last = 0;
    for (double before = spare_[0]; last + 1 < count_ && before < limit; before += spare_[last])
      ++last;
    const float worst = value_of(order_[last]);
    const auto worst_column = static_cast<int32_t>(order_[last] & 0xffffffffu);
    keep([&](Floats v, Int32s column) -> Int32s {
      return (v > worst) | ((v == worst) & (column <= worst_column));
    });
  }

  void keep_probable(float min_p) {
    const float most = largest();
    if (min_p <= 0.0f || most == -infinity) return;
    keep([&](Floats v, Int32s) -> Int32s { return exp(minus_largest(v, most)) >= min_p; });
  }

  struct Choice {
    float score;
    int32_t column;
    float value;
  };

  // The largest of value + noise, ties to the lower column. noise.bits(columns) draws for each
  // column and noise.most(bits) bounds what noise.of(bits) is from above, which is left out for
  // vectors that cannot win: nearly all.
  template <class Noise>
  Choice best(Noise noise) const {
    Choice choice{-infinity, columns_[0], values_[0]};
    for (int64_t c = 0; c < count_; c += lanes) {
      Int32s column;
      std::memcpy(&column, columns_ + c, sizeof column);
      const Floats v = load(values_ + c);
      const auto bits = noise.bits(column);
      if (max_of(v + noise.most(bits)) <= choice.score) continue;
      const Floats scores = v + noise.of(bits);
      for (int i = 0; i < lanes; ++i)
        if (scores[i] > choice.score) choice = {scores[i], column[i], v[i]};
    }
    return choice;
  }

  // Of a token with this value. Where values are infinite, those equal to the largest share it all.
  float log_probability(float value) const {
    const float most = largest();
    if (most == -infinity) return 0.0f - std::log(static_cast<float>(count_));
    Floats mass{};
    for (int64_t c = 0; c < count_; c += lanes) mass += exp(minus_largest(load(values_ + c), most));
    return (value == most ? 0.0f : value - most) - std::log(sum(mass));
  }

 private:
  template <class T>
  static Floats load_first(const T* from, int64_t count) {
    return count == lanes ? load(from) : load(from, count);
  }
  static Floats minus_largest(Floats v, float most) { return v == most ? Floats{} : v - most; }

  float largest() const {
    Floats most = splat(-infinity);
    for (int64_t c = 0; c < count_; c += lanes) most = max(load(values_ + c), most);
    return max_of(most);
  }

  // Packs what `chosen` keeps to the front. Writing never overtakes reading.
  template <class Chosen>
  void keep(Chosen chosen) {
    int64_t kept = 0;
    for (int64_t c = 0; c < count_; c += lanes) {
      Int32s column;
      std::memcpy(&column, columns_ + c, sizeof column);
      const Floats v = load(values_ + c);
      Int32s mask = chosen(v, column);
      if (count_ - c < lanes)
        for (int64_t i = count_ - c; i < lanes; ++i) mask[i] = 0;
      compress(columns_ + kept, column, mask);
      kept += compress(values_ + kept, v, mask);
    }
    count_ = kept;
    pad();
  }
  void pad() {
    for (int64_t i = 0; i < select_vectors; ++i)
      store(values_ + count_ + i * lanes, splat(-infinity));
  }

  float* values_;
  int32_t* columns_;
  float* spare_;
  uint64_t* order_;
  int64_t count_ = 0;
};

struct NoNoise {
  Int32s bits(Int32s column) const { return column; }
  Floats most(Int32s) const { return Floats{}; }
  Floats of(Int32s) const { return Floats{}; }
};

// -log(-log U) for U keyed by seed, position and token.
class Gumbel {
 public:
  Gumbel(Seed seed, int32_t position, int64_t first_token)
      : seed_(seed),
        position_(Uint32s{} + static_cast<uint32_t>(position)),
        first_token_(static_cast<uint32_t>(first_token)) {}

  Floats bits(Int32s column) const {
    const Uint32s token = reinterpret_cast<Uint32s>(column) + first_token_;
    const PhiloxLanes block = philox(position_, Uint32s{} + static_cast<uint32_t>(Draw::token),
                                     token >> 2, Uint32s{}, seed_.low, seed_.high);
    const Uint32s low = (token & 1u) != 0u ? block.words[1] : block.words[0];
    const Uint32s high = (token & 1u) != 0u ? block.words[3] : block.words[2];
    return uniform_of((token & 2u) != 0u ? high : low);
  }
  // -log U >= 1 - U >= 2^e, e the exponent of 1 - U, which is exact: so the noise is at most
  // -e log 2. The rest allows for the rounding of the logarithms.
  Floats most(Floats u) const {
    const Int32s exponent = (bits_of(1.0f - u) >> 23) - 127;
    return __builtin_convertvector(exponent, Floats) * -0.693147181f + 1e-3f;
  }
  Floats of(Floats u) const { return -log(-log(u)); }

 private:
  Seed seed_;
  Uint32s position_;
  uint32_t first_token_;
};

// What row r asks for, or an error that says what is wrong with it.
struct Request {
  int64_t first, count;  // the legal columns
  int64_t top_k;
  Settings settings;
  Seed seed;
  int32_t position;
};

Request request_of(const Sample& op, int64_t r) {
  const auto require = [&](bool holds, const char* what, const char* expected, auto got) {
    if (!holds)
      throw Error("ERR_VALUE", std::string(op.name) + ": expected " + what + " of row " +
                                   std::to_string(r) + " to be " + expected + ", got " +
                                   std::to_string(got));
  };
  const int32_t *range = op.range.as<int32_t>() + 2 * r, *seed = op.seeds.as<int32_t>() + 2 * r;
  const float* settings = op.settings.as<float>() + 4 * r;
  const int64_t end_token = op.first_token + op.logits.shape[1];
  require(range[0] >= op.first_token && range[0] < end_token, "range begin", "a column", range[0]);
  require(range[1] > range[0] && range[1] <= end_token, "range end",
          "above its begin and within the columns", range[1]);
  const int32_t top_k = op.top_k.as<int32_t>()[r];
  require(top_k >= 0, "topK", "0 or more", top_k);
  require(settings[1] >= 0, "temperature", "0 or more", settings[1]);
  require(settings[2] > 0 && settings[2] <= 1, "top-p", "in (0, 1]", settings[2]);
  require(settings[3] >= 0 && settings[3] < 1, "min-p", "in [0, 1)", settings[3]);
  return {range[0] - op.first_token,
          range[1] - range[0],
          top_k,
          {settings[0], settings[1], settings[2], settings[3]},
          Seed(seed[0], seed[1]),
          op.positions.as<int32_t>()[r]};
}

struct Drawn {
  int32_t token;
  float log_probability;
};

template <class T>
Drawn draw(const Sample& op, int64_t row, Workers& workers) {
  const int64_t width = op.logits.shape[1];
  const Request request = request_of(op, row);
  const Settings& settings = request.settings;
  const T* uncond = op.uncond.present() ? op.uncond.as<T>() + row * width : nullptr;
  Candidates candidates(request.count, workers);
  candidates.begin(op.logits.as<T>() + row * width, uncond, request.first, request.count,
                   settings.guidance);
  const auto token_of = [&](int32_t column) {
    return static_cast<int32_t>(op.first_token + column);
  };
  if (settings.temperature == 0.0f) return {token_of(candidates.best(NoNoise()).column), 0.0f};
  candidates.keep_largest(request.top_k);
  candidates.divide(settings.temperature);
  candidates.keep_mass(settings.top_p);
  candidates.keep_probable(settings.min_p);
  const auto choice = candidates.best(Gumbel(request.seed, request.position, op.first_token));
  return {token_of(choice.column),
          op.log_probs.present() ? candidates.log_probability(choice.value) : 0.0f};
}

}  // namespace

// A piece is one row.
void run(const Sample& op, Workers& workers) {
  workers.for_each(op.logits.shape[0], 1, [&](int64_t row, int64_t) {
    const Drawn drawn = op.logits.dtype == Dtype::f32 ? draw<float>(op, row, workers)
                                                      : draw<bf16>(op, row, workers);
    op.tokens.as<int32_t>()[row] = drawn.token;
    if (op.log_probs.present()) op.log_probs.as<float>()[row] = drawn.log_probability;
  });
}

}  // namespace stylear::cpu
