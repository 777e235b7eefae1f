#include "../../core/ops/permute.h"

#include "../dispatch.h"
#include "../run.h"

namespace stylear::cuda {

namespace {

// y's axes, and how far apart their neighbours are in x, in units of U. Axes that stay together are
// one axis here.
struct Axes {
  int rank = 0;
  int64_t extents[Shape::max_rank], strides[Shape::max_rank];
};

Axes axes_of(const Permute& op) {
  int64_t strides[Shape::max_rank], stride = 1;
  for (int a = op.x.shape.rank() - 1; a >= 0; --a) {
    strides[a] = stride;
    stride *= op.x.shape[a];
  }
  Axes axes;
  for (int a = 0; a < op.y.shape.rank(); ++a) {
    const int64_t extent = op.y.shape[a], of_x = strides[op.order[a]];
    if (extent == 1) continue;
    const int last = axes.rank - 1;
    if (last >= 0 && axes.strides[last] == extent * of_x) {
      axes.extents[last] *= extent;
      axes.strides[last] = of_x;
    } else {
      axes.extents[axes.rank] = extent;
      axes.strides[axes.rank++] = of_x;
    }
  }
  if (axes.rank == 0) axes.extents[0] = axes.strides[0] = axes.rank = 1;
  return axes;
}

// A thread per unit of y: writes coalesce, reads do where the innermost axis stays innermost.
template <class U>
__global__ void gather_kernel(const U* x, U* y, Axes axes, int64_t count) {
  const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i >= count) return;
  int64_t rest = i, from = 0;
#pragma unroll
  for (int a = Shape::max_rank - 1; a >= 0; --a) {
    if (a >= axes.rank) continue;
    from += rest % axes.extents[a] * axes.strides[a];
    rest /= axes.extents[a];
  }
  y[i] = x[from];
}

// Where the innermost axis of y is strided in x and the axis `inner` of y is x's innermost: tiles
// of 32 x 32 elements pass through shared memory, so that reads and writes both coalesce. Rows of
// the tile are 33 elements apart, which keeps its columns in different banks. A block of 32 x 8
// threads per tile.
constexpr int tile = 32;

// `outs` and `x_out` are the extent and the stride of y's innermost axis, `ins` the extent of
// `inner`: an index that is not known when compiling would move `axes` into local memory.
template <class U>
__global__ void transpose_kernel(const U* x, U* y, Axes axes, int inner, int64_t outs,
                                 int64_t x_out, int64_t ins, int64_t tiles_in, int64_t tiles_out) {
  SHARED_ARRAY(U, block, tile * (tile + 1));
  int64_t rest = blockIdx.x;
  const int64_t out0 = rest % tiles_out * tile;  // along y's innermost axis
  rest /= tiles_out;
  const int64_t in0 = rest % tiles_in * tile;  // along `inner`
  rest /= tiles_in;
  int64_t from = 0, to = 0, step = outs, y_inner = 0;
#pragma unroll
  for (int a = Shape::max_rank - 1; a >= 0; --a) {
    if (a >= axes.rank - 1) continue;
    if (a == inner) {
      y_inner = step;
    } else {
      const int64_t at = rest % axes.extents[a];
      rest /= axes.extents[a];
      from += at * axes.strides[a];
      to += at * step;
    }
    step *= axes.extents[a];
  }
  for (int j = threadIdx.y; j < tile; j += blockDim.y) {
    const int64_t out = out0 + j, in = in0 + threadIdx.x;
    if (out < outs && in < ins) block[j * (tile + 1) + threadIdx.x] = x[from + out * x_out + in];
  }
  __syncthreads();
  for (int j = threadIdx.y; j < tile; j += blockDim.y) {
    const int64_t out = out0 + threadIdx.x, in = in0 + j;
    if (out < outs && in < ins) y[to + in * y_inner + out] = block[threadIdx.x * (tile + 1) + j];
  }
}

template <class U>
void permute(Stream& stream, const void* from, void* to, const Axes& axes, int64_t count) {
  const U* x = static_cast<const U*>(from);
  U* y = static_cast<U*>(to);
  const int last = axes.rank - 1;
  int inner = -1;
  for (int a = 0; a < last; ++a)
    if (axes.strides[a] == 1) inner = a;
  if (inner < 0 || axes.extents[inner] < 8 || axes.extents[last] < 8) {
    launch(stream, gather_kernel<U>, element_blocks(count), element_threads, 0, x, y, axes, count);
    return;
  }
  const int64_t outs = axes.extents[last], ins = axes.extents[inner];
  const int64_t tiles_in = ceil_div<int64_t>(ins, tile), tiles_out = ceil_div<int64_t>(outs, tile);
  launch(stream, transpose_kernel<U>,
         static_cast<unsigned>(count / (ins * outs) * tiles_in * tiles_out), dim3(tile, 8), 0, x, y,
         axes, inner, outs, axes.strides[last], ins, tiles_in, tiles_out);
}

// The same axes in units of several elements, which the innermost axis must allow.
Axes in_units(Axes axes, int64_t elements) {
  axes.extents[axes.rank - 1] /= elements;
  for (int a = 0; a < axes.rank - 1; ++a) axes.strides[a] /= elements;
  return axes;
}

}  // namespace

void run(const Permute& op, Stream& stream) {
  const Axes axes = axes_of(op);
  const int64_t bytes = bytes_of(op.x.dtype), count = op.x.count(), last = axes.rank - 1;
  const int64_t together = 16 / bytes;
  if (axes.strides[last] == 1 && axes.extents[last] % together == 0 && aligned(op.x, op.y))
    permute<uint4>(stream, op.x.data, op.y.data, in_units(axes, together), count / together);
  else if (bytes == 4)
    permute<uint32_t>(stream, op.x.data, op.y.data, axes, count);
  else if (bytes == 2)
    permute<uint16_t>(stream, op.x.data, op.y.data, axes, count);
  else
    permute<uint8_t>(stream, op.x.data, op.y.data, axes, count);
}

}  // namespace stylear::cuda
