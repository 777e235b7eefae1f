#include "../../core/ops/rope.h"

#include "../dispatch.h"
#include "../rotary.h"
#include "../run.h"
#include "../workers.h"

namespace stylear::cpu {

namespace {

// A piece is a run of tokens; the angles of a token serve all its heads.
template <class T>
void rope(const Rope& op, Workers& workers) {
  const int64_t heads = op.x.shape[2], dim = op.x.shape[3], pairs = dim / 2;
  const int64_t tokens = op.x.count() / (heads * dim);
  float* frequencies = workers.scratch_of<float>(pairs);
  rotary_frequencies(op.theta, pairs, frequencies);
  const int64_t smallest = std::max<int64_t>(1, 4096 / (heads * dim));
  workers.for_each(tokens, workers.grain(tokens, smallest), [&](int64_t begin, int64_t end) {
    float *cosines = workers.thread_scratch_of<float>(2 * pairs), *sines = cosines + pairs;
    for (int64_t t = begin; t < end; ++t) {
      const int32_t position = op.positions.as<int32_t>()[t];
      rotary_angles<T>(position, frequencies, pairs, op.inverse, cosines, sines);
      for (int64_t at = t * heads * dim; at < (t + 1) * heads * dim; at += dim)
        rotate_head(op.x.as<T>() + at, op.y.as<T>() + at, pairs, cosines, sines);
    }
  });
}

}  // namespace

void run(const Rope& op, Workers& workers) {
  with_float(op.x.dtype, [&](auto zero) { rope<decltype(zero)>(op, workers); });
}

}  // namespace stylear::cpu
