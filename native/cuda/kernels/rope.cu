#include "../../core/ops/rope.h"

#include "../dispatch.h"
#include "../rotation.h"
#include "../run.h"

namespace stylear::cuda {

namespace {

// A thread per angle: consecutive threads take consecutive i of one token, and each turns the pair
// (i, i + headDim / 2) of all heads, so that sine and cosine are computed once per token. Bounded
// by memory.
template <class T>
__global__ void rope_kernel(const T* x, const int32_t* positions, T* y, int64_t tokens, int heads,
                            int half, float theta, float direction) {
  const int64_t id = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  const int64_t token = id / half;
  if (token >= tokens) return;
  const int i = static_cast<int>(id % half);
  const float2 turn = rotation<T>(positions[token], i, half, theta);
  const float c = turn.x, s = direction * turn.y;
  for (int head = 0; head < heads; ++head) {
    const int64_t at = (token * heads + head) * 2 * half + i;
    const float a = to_float(x[at]), b = to_float(x[at + half]);
    y[at] = from_float<T>(a * c - b * s);
    y[at + half] = from_float<T>(b * c + a * s);
  }
}

}  // namespace

void run(const Rope& op, Stream& stream) {
  const int64_t tokens = op.x.shape[0] * op.x.shape[1];
  const int heads = static_cast<int>(op.x.shape[2]), half = static_cast<int>(op.x.shape[3]) / 2;
  with_float(op.x.dtype, [&](auto type) {
    using T = decltype(type);
    launch(stream, rope_kernel<T>, element_blocks(tokens * half), element_threads, 0, op.x.as<T>(),
           op.positions.as<int32_t>(), op.y.as<T>(), tokens, heads, half, op.theta,
           op.inverse ? -1.0f : 1.0f);
  });
}

}  // namespace stylear::cuda
