#include "../../core/ops/add.h"

#include "../dispatch.h"
#include "../run.h"

namespace stylear::cuda {

namespace {

// Bounded by memory: x and y read once (a repeated y from cache), z written once.
template <class T>
struct AddBody {
  const T *x, *y;
  T* z;
  int64_t period;  // elements of y
  float alpha, beta;

  template <int n>
  __device__ void run(int64_t at) const {
    float a[n], b[n];
    load<n>(x + at, a);
    if (y) load<n>(y + at % period, b);
#pragma unroll
    for (int i = 0; i < n; ++i) a[i] = y ? alpha * a[i] + beta * b[i] : alpha * a[i];
    store<n>(z + at, a);
  }
};

}  // namespace

void run(const Add& op, Stream& stream) {
  const int64_t count = op.x.count(), period = op.y.present() ? op.y.count() : count;
  const bool vectors = aligned(op.x, op.y, op.z) && period % vector_width == 0;
  with_float(op.x.dtype, [&](auto type) {
    using T = decltype(type);
    const AddBody<T> body{op.x.as<T>(), op.y.as<T>(), op.z.as<T>(), period, op.alpha, op.beta};
    for_each_element(stream, count, vectors, body);
  });
}

}  // namespace stylear::cuda
