#include "../../core/ops/cross_entropy.h"

#include <cmath>
#include <limits>

#include "../dispatch.h"
#include "../run.h"
#include "../simd_math.h"
#include "../softmax.h"
#include "../workers.h"

namespace stylear::cpu {

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

// Two passes: the second finds the row in the cache. Each lane of each of the four sums adds its
// own elements, whatever the row's neighbours.
template <class T>
float log_sum_exp(const T* x, int64_t classes) {
  constexpr int64_t step = 4 * lanes;
  Floats tops[4];
  for (Floats& top : tops) top = splat(-infinity);
  int64_t c = 0;
  for (; c + step <= classes; c += step)
    for (int i = 0; i < 4; ++i) tops[i] = max(load(x + c + i * lanes), tops[i]);
  float most = max_of(max(max(tops[0], tops[1]), max(tops[2], tops[3])));
  for (; c < classes; ++c) most = std::max(most, to_float(x[c]));
  if (most == infinity) return infinity;
  const float top = most == -infinity ? 0.0f : most;  // so that -inf - top stays -inf
  const auto weight = [&](Floats v) { return exp2_not_positive((v - top) * log2_e); };

  Floats sums[4] = {};
  for (c = 0; c + step <= classes; c += step)
    for (int i = 0; i < 4; ++i) sums[i] += weight(load(x + c + i * lanes));
  for (; c < classes; c += lanes) {
    const int64_t count = std::min<int64_t>(lanes, classes - c);
    Floats rest = splat(-infinity);
    for (int64_t i = 0; i < count; ++i) rest[i] = to_float(x[c + i]);
    sums[0] += weight(rest);
  }
  return top + std::log(sum((sums[0] + sums[1]) + (sums[2] + sums[3])));
}

// The label of a row, negative when the row is ignored.
int64_t label_of(const char* op, const In& labels, int64_t row, int64_t classes) {
  const int32_t label = labels.as<int32_t>()[row];
  if (label >= classes)
    throw Error("ERR_VALUE", std::string(op) + ": expected labels[" + std::to_string(row) +
                                 "] to be below the " + std::to_string(classes) + " classes, got " +
                                 std::to_string(label));
  return label;
}

// A piece is one row.
template <class T>
void cross_entropy(const CrossEntropy& op, Workers& workers) {
  const int64_t rows = op.logits.shape[0], classes = op.logits.shape[1];
  workers.for_each(rows, std::max<int64_t>(1, 4096 / classes), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const T* logits = op.logits.as<T>() + r * classes;
      const int64_t label = label_of(op.name, op.labels, r, classes);
      const float lse = log_sum_exp(logits, classes);
      const float weight = op.weights.present() ? op.weights.as<float>()[r] : 1.0f;
      op.lse.as<float>()[r] = lse;
      op.loss.as<float>()[r] =
          label < 0 ? 0.0f : weight * ((lse - to_float(logits[label])) + op.z_loss * lse * lse);
    }
  });
}

template <class T>
void cross_entropy_backward(const CrossEntropyBackward& op, Workers& workers) {
  const int64_t rows = op.logits.shape[0], classes = op.logits.shape[1];
  workers.for_each(rows, std::max<int64_t>(1, 4096 / classes), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const T* logits = op.logits.as<T>() + r * classes;
      T* dlogits = op.dlogits.as<T>() + r * classes;
      const int64_t label = label_of(op.name, op.labels, r, classes);
      if (label < 0) {
        std::fill_n(dlogits, classes, T(0.0f));
        continue;
      }
      const float lse = op.lse.as<float>()[r];
      const float weight = op.weights.present() ? op.weights.as<float>()[r] : 1.0f;
      const float g = op.dloss.as<float>()[r] * weight;
      const float scale = g * (1.0f + 2.0f * op.z_loss * lse);
      const float of_label = to_float(T(scale * std::exp(to_float(logits[label]) - lse) - g));
      int64_t c = 0;
      for (; c + lanes <= classes; c += lanes)
        store(dlogits + c, scale * exp(load(logits + c) - lse));
      if (c < classes)
        store(dlogits + c, scale * exp(load(logits + c, classes - c) - lse), classes - c);
      dlogits[label] = T(of_label);
    }
  });
}

}  // namespace

void run(const CrossEntropy& op, Workers& workers) {
  with_float(op.logits.dtype, [&](auto zero) { cross_entropy<decltype(zero)>(op, workers); });
}

void run(const CrossEntropyBackward& op, Workers& workers) {
  with_float(op.logits.dtype,
             [&](auto zero) { cross_entropy_backward<decltype(zero)>(op, workers); });
}

}  // namespace stylear::cpu
