#include "../../core/ops/copy_slice.h"

#include "../dispatch.h"
#include "../run.h"

namespace stylear::cuda {

namespace {

// The slice as `outer` runs of `run` units of type U, at their distances in x and y. A thread per
// unit, consecutive threads within a run. Bounded by memory.
template <class U>
__global__ void copy_runs(const U* x, U* y, int64_t run, int64_t x_stride, int64_t y_stride,
                          int64_t count) {
  const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i >= count) return;
  const int64_t outer = i / run, at = i % run;
  y[outer * y_stride + at] = x[outer * x_stride + at];
}

struct Runs {
  const char* x;
  char* y;
  int64_t outer, run, x_stride, y_stride;  // in bytes
  bool in_units_of(int64_t unit) const {
    return (reinterpret_cast<uintptr_t>(x) | reinterpret_cast<uintptr_t>(y) |
            static_cast<uintptr_t>(run | x_stride | y_stride)) %
               static_cast<uintptr_t>(unit) ==
           0;
  }
};

template <class U>
void copy_in(Stream& stream, const Runs& runs) {
  constexpr auto unit = static_cast<int64_t>(sizeof(U));
  const int64_t count = runs.outer * (runs.run / unit);
  launch(stream, copy_runs<U>, element_blocks(count), element_threads, 0,
         reinterpret_cast<const U*>(runs.x), reinterpret_cast<U*>(runs.y), runs.run / unit,
         runs.x_stride / unit, runs.y_stride / unit, count);
}

}  // namespace

void run(const CopySlice& op, Stream& stream) {
  const int axis = op.axis, after = axis + 1;
  const int64_t bytes = bytes_of(op.x.dtype);
  const int64_t inner = bytes * (after < op.x.shape.rank() ? op.x.shape.count(after) : int64_t{1});
  const Runs runs{op.x.as<char>() + op.x_begin * inner,
                  op.y.as<char>() + op.y_begin * inner,
                  axis > 0 ? op.x.shape.count(0, axis) : int64_t{1},
                  op.length * inner,
                  op.x.shape[axis] * inner,
                  op.y.shape[axis] * inner};
  if (runs.in_units_of(16))
    copy_in<uint4>(stream, runs);
  else if (runs.in_units_of(4))
    copy_in<uint32_t>(stream, runs);
  else if (runs.in_units_of(2))
    copy_in<uint16_t>(stream, runs);
  else
    copy_in<uint8_t>(stream, runs);
}

}  // namespace stylear::cuda
