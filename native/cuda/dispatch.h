// From the dtype of a tensor to the type of a kernel, and the shapes of simple launches: one thread
// per few elements, one team of threads per row, sums down columns.
#pragma once

#include "../core/tensor.h"
#include "stream.h"

namespace stylear::cuda {

// Calls f(T()) with the type of a floating-point tensor's elements.
template <class F>
void with_float(Dtype dtype, F&& f) {
  dtype == Dtype::f32 ? f(float()) : f(bf16());
}

// ---- elementwise

constexpr int element_threads = 256;
constexpr int vector_width = 8;  // elements of a thread where alignment permits: 16 bytes of bf16

// body.template run<n>(at) does the n elements from `at` on. Consecutive threads do consecutive
// vectors, so that accesses coalesce.
template <int n, class Body>
__global__ void __launch_bounds__(element_threads) each_kernel(int64_t count, Body body) {
  const int64_t at = (int64_t{blockIdx.x} * blockDim.x + threadIdx.x) * n;
  if (at + n <= count) {
    body.template run<n>(at);
  } else {
    for (int64_t i = at; i < count; ++i) body.template run<1>(i);
  }
}

inline dim3 element_blocks(int64_t threads) {
  return dim3(static_cast<unsigned>(ceil_div<int64_t>(threads, element_threads)));
}

// `vectors`: whether every vector of 8 elements can be accessed as one.
template <class Body>
void for_each_element(Stream& stream, int64_t count, bool vectors, const Body& body) {
  if (vectors)
    launch(stream, each_kernel<vector_width, Body>,
           element_blocks(ceil_div<int64_t>(count, vector_width)), element_threads, 0, count, body);
  else
    launch(stream, each_kernel<1, Body>, element_blocks(count), element_threads, 0, count, body);
}

// Whether vectors may be read at all of these (absent ones do not count).
template <class... View>
bool aligned(const View&... views) {
  return (vector_aligned(views.data) && ...);
}

// ---- rows

// The threads that share a row: a warp where rows are short, else a block. Which of them depends on
// the row's width alone, and so does the order of every sum.
struct WarpTeam {
  static constexpr int warps = 8;  // of a block
  static constexpr int max_width = 1024;
  static __device__ __forceinline__ int64_t row() {
    return int64_t{blockIdx.x} * warps + (threadIdx.x >> 5);
  }
  static __device__ __forceinline__ int rank() { return threadIdx.x & 31; }
  static __device__ __forceinline__ int size() { return 32; }
  static __device__ __forceinline__ float sum(float v) { return warp_sum(v); }
  static __device__ __forceinline__ float max(float v) { return warp_max(v); }
};
struct BlockTeam {
  static __device__ __forceinline__ int64_t row() { return blockIdx.x; }
  static __device__ __forceinline__ int rank() { return threadIdx.x; }
  static __device__ __forceinline__ int size() { return blockDim.x; }
  static __device__ __forceinline__ float sum(float v) { return block_sum(v); }
  static __device__ __forceinline__ float max(float v) { return block_max(v); }
};

// body.template run<Team, n>(row): one row by one team, whose threads take vectors of n in turn.
template <class Team, int n, class Body>
__global__ void __launch_bounds__(512) row_kernel(int64_t rows, Body body) {
  const int64_t row = Team::row();
  if (row < rows) body.template run<Team, n>(row);
}

template <int n, class Body>
void for_each_row_of(Stream& stream, int64_t rows, int64_t width, const Body& body) {
  if (width <= WarpTeam::max_width) {
    const auto blocks = static_cast<unsigned>(ceil_div<int64_t>(rows, WarpTeam::warps));
    launch(stream, row_kernel<WarpTeam, n, Body>, blocks, 32 * WarpTeam::warps, 0, rows, body);
  } else {
    const int64_t vectors = ceil_div<int64_t>(width, n);
    const unsigned threads = vectors >= 512 ? 512 : vectors > 256 ? 512 : 256;
    launch(stream, row_kernel<BlockTeam, n, Body>, static_cast<unsigned>(rows), threads, 0, rows,
           body);
  }
}
template <class Body>
void for_each_row(Stream& stream, int64_t rows, int64_t width, bool vectors, const Body& body) {
  if (vectors && width % vector_width == 0)
    for_each_row_of<vector_width>(stream, rows, width, body);
  else
    for_each_row_of<1>(stream, rows, width, body);
}

// f(at, v) for the team's vectors of a row, v being the n values at row + at.
template <class Team, int n, class T, class F>
__device__ __forceinline__ void for_each_vector(const T* row, int width, F f) {
  for (int at = Team::rank() * n; at < width; at += Team::size() * n) {
    float v[n];
    load<n>(row + at, v);
    f(at, v);
  }
}

// ---- sums down columns

// How rows are cut for sums down columns: depends on the shape alone.
struct RowChunks {
  int64_t rows_each, count;
  explicit RowChunks(int64_t rows, int64_t least = 32, int64_t most = 256)
      : rows_each(ceil_div(rows, most) > least ? ceil_div(rows, most) : least),
        count(ceil_div(rows, rows_each)) {}
};

// partial[chunk, c] = sum of term(r, c) over the rows r of the chunk: a thread per column, which
// reads coalesced rows.
template <class Term>
__global__ void column_partials(Term term, int64_t rows, int64_t width, int64_t rows_each,
                                float* partial) {
  const int64_t c = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (c >= width) return;
  const int64_t begin = blockIdx.y * rows_each;
  const int64_t end = begin + rows_each < rows ? begin + rows_each : rows;
  float sum = 0;
  for (int64_t r = begin; r < end; ++r) sum += term(r, c);
  partial[blockIdx.y * width + c] = sum;
}
// The same where columns are few: a block per column and chunk.
template <class Term>
__global__ void narrow_partials(Term term, int64_t rows, int64_t width, int64_t rows_each,
                                float* partial) {
  const int64_t c = blockIdx.x, begin = blockIdx.y * rows_each;
  const int64_t end = begin + rows_each < rows ? begin + rows_each : rows;
  float sum = 0;
  for (int64_t r = begin + threadIdx.x; r < end; r += blockDim.x) sum += term(r, c);
  sum = block_sum(sum);
  if (threadIdx.x == 0) partial[blockIdx.y * width + c] = sum;
}
// put(c, total) for each column: a warp per column adds the chunks in a fixed order.
template <class Put>
__global__ void column_totals(const float* partial, int64_t chunks, int64_t width, Put put) {
  const int64_t c = int64_t{blockIdx.x} * (blockDim.x / 32) + threadIdx.x / 32;
  if (c >= width) return;
  const int lane = threadIdx.x & 31;
  float sum = 0;
  for (int64_t chunk = lane; chunk < chunks; chunk += 32) sum += partial[chunk * width + c];
  sum = warp_sum(sum);
  if (lane == 0) put(c, sum);
}

// put(c, sum of term(r, c) over all rows r), in an order that depends on the shape alone.
template <class Term, class Put>
void sum_columns(Stream& stream, int64_t rows, int64_t width, const Term& term, const Put& put) {
  constexpr int64_t narrow = 32;
  const bool few = width < narrow;
  const RowChunks chunks(rows, few ? 2048 : 32, few ? 512 : 256);
  auto* partial = stream.scratch<float>(chunks.count * width);
  const auto down = static_cast<unsigned>(chunks.count);
  if (few)
    launch(stream, narrow_partials<Term>, dim3(static_cast<unsigned>(width), down), 256, 0, term,
           rows, width, chunks.rows_each, partial);
  else
    launch(stream, column_partials<Term>,
           dim3(static_cast<unsigned>(ceil_div<int64_t>(width, 128)), down), 128, 0, term, rows,
           width, chunks.rows_each, partial);
  launch(stream, column_totals<Put>, static_cast<unsigned>(ceil_div<int64_t>(width, 8)), 256, 0,
         partial, chunks.count, width, put);
}

// The usual put: out[c] = scale * total.
template <class T>
struct PutScaled {
  T* out;
  float scale;
  __device__ void operator()(int64_t c, float total) const {
    out[c] = from_float<T>(scale * total);
  }
};

}  // namespace stylear::cuda
