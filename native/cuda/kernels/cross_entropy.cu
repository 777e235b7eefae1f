#include "../../core/ops/cross_entropy.h"

#include "../dispatch.h"
#include "../run.h"

namespace stylear::cuda {

namespace {

// A team per row (dispatch.h), which reads the row once: each thread keeps the maximum it has met
// and the sum of exponentials relative to it. Bounded by memory.
template <class T>
struct CrossEntropyRow {
  const T* logits;
  const int32_t* labels;
  const float* weights;
  float *loss, *lse;
  int classes;
  float z_loss;
  FaultSite fault;

  template <class Team, int n>
  __device__ void run(int64_t row) const {
    const float least = __uint_as_float(0xff800000u);  // -infinity
    float top = least, sum = 0;
    for_each_vector<Team, n>(logits + row * classes, classes, [&](int, const float(&v)[n]) {
      float higher = top;
#pragma unroll
      for (int i = 0; i < n; ++i) higher = fmaxf(higher, v[i]);
      if (higher > top) {
        sum *= expf(top - higher);
        top = higher;
      }
#pragma unroll
      for (int i = 0; i < n; ++i) sum += v[i] == least ? 0.0f : expf(v[i] - top);
    });
    const float all = Team::max(top);
    const float total = Team::sum(top == least ? sum : sum * expf(top - all));
    if (Team::rank() != 0) return;
    const float of_row = all + logf(total);
    lse[row] = of_row;
    const int label = labels[row];
    if (label >= classes) fault.report(label);
    if (label < 0 || label >= classes) {
      loss[row] = 0;
    } else {
      const float value = of_row - to_float(logits[row * classes + label]);
      loss[row] = (weights ? weights[row] : 1.0f) * (value + z_loss * of_row * of_row);
    }
  }
};

template <class T>
struct CrossEntropyBackwardRow {
  const T* logits;
  const int32_t* labels;
  const float *weights, *lse, *dloss;
  T* dlogits;
  int classes;
  float z_loss;
  FaultSite fault;

  template <class Team, int n>
  __device__ void run(int64_t row) const {
    const int label = labels[row];
    const float of_row = lse[row];
    const float scale = dloss[row] * (weights ? weights[row] : 1.0f);
    const float slope = scale * (1.0f + 2.0f * z_loss * of_row);
    if (label >= classes && Team::rank() == 0) fault.report(label);
    for_each_vector<Team, n>(logits + row * classes, classes, [&](int at, float(&v)[n]) {
#pragma unroll
      for (int i = 0; i < n; ++i) {
        const float hit = at + i == label ? scale : 0.0f;
        v[i] = label < 0 ? 0.0f : slope * expf(v[i] - of_row) - hit;
      }
      store<n>(dlogits + row * classes + at, v);
    });
  }
};

}  // namespace

void run(const CrossEntropy& op, Stream& stream) {
  const int64_t rows = op.logits.shape[0], classes = op.logits.shape[1];
  with_float(op.logits.dtype, [&](auto type) {
    using T = decltype(type);
    const CrossEntropyRow<T> body{op.logits.as<T>(),
                                  op.labels.as<int32_t>(),
                                  op.weights.as<float>(),
                                  op.loss.as<float>(),
                                  op.lse.as<float>(),
                                  static_cast<int>(classes),
                                  op.z_loss,
                                  stream.fault(CrossEntropy::name, "labels", 0, classes)};
    for_each_row(stream, rows, classes, aligned(op.logits), body);
  });
}

void run(const CrossEntropyBackward& op, Stream& stream) {
  const int64_t rows = op.logits.shape[0], classes = op.logits.shape[1];
  with_float(op.logits.dtype, [&](auto type) {
    using T = decltype(type);
    const CrossEntropyBackwardRow<T> body{
        op.logits.as<T>(),
        op.labels.as<int32_t>(),
        op.weights.as<float>(),
        op.lse.as<float>(),
        op.dloss.as<float>(),
        op.dlogits.as<T>(),
        static_cast<int>(classes),
        op.z_loss,
        stream.fault(CrossEntropyBackward::name, "labels", 0, classes)};
    for_each_row(stream, rows, classes, aligned(op.logits, op.dlogits), body);
  });
}

}  // namespace stylear::cuda
