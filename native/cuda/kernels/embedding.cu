#include "../../core/ops/embedding.h"

#include "../dispatch.h"
#include "../run.h"

namespace stylear::cuda {

namespace {

// A block per token, whose threads copy its row. Bounded by memory.
template <class T, class Y, int n>
__global__ void embedding_kernel(const T* table, const int32_t* ids, const Y* rows,
                                 const int32_t* slots, Y* y, int width, FaultSite bad_id,
                                 FaultSite bad_slot) {
  const int64_t token = blockIdx.x;
  const int slot = slots ? slots[token] : -1, id = slot >= 0 ? 0 : ids[token];
  if (slot >= 0 && !bad_slot.holds(slot)) {
    if (threadIdx.x == 0) bad_slot.report(slot);
    return;
  }
  if (!bad_id.holds(id)) {
    if (threadIdx.x == 0) bad_id.report(id);
    return;
  }
  for (int at = threadIdx.x * n; at < width; at += blockDim.x * n) {
    float v[n];
    if (slot >= 0)
      load<n>(rows + int64_t{slot} * width + at, v);
    else
      load<n>(table + int64_t{id} * width + at, v);
    store<n>(y + token * width + at, v);
  }
}

// key[t]: the row of the gradient that token t adds to, or -1.
__global__ void keys_kernel(const int32_t* ids, const int32_t* slots, bool of_rows, int32_t* keys,
                            int64_t tokens, FaultSite fault) {
  const int64_t t = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (t >= tokens) return;
  const int slot = slots ? slots[t] : -1;
  const int key = of_rows ? slot : slot >= 0 ? -1 : ids[t];
  const bool out = of_rows ? slot >= 0 && !fault.holds(slot) : slot < 0 && !fault.holds(key);
  if (out) fault.report(key);
  keys[t] = out || key < 0 ? -1 : key;
}

// next[t]: the next token with the same key, or -1; first[t]: whether none precedes it. A warp per
// token looks through all keys, which come from cache: tokens^2 / 32 reads in all.
__global__ void links_kernel(const int32_t* keys, int32_t* next, int32_t* first, int64_t tokens) {
  const int64_t t = int64_t{blockIdx.x} * (blockDim.x / 32) + threadIdx.x / 32;
  if (t >= tokens) return;
  const int lane = threadIdx.x & 31, key = keys[t];
  bool preceded = key < 0;
  for (int64_t j = 0; j < t && !preceded; j += 32)
    preceded = __any_sync(full_warp, j + lane < t && keys[j + lane] == key);
  int after = -1;
  for (int64_t j = t + 1; j < tokens && after < 0 && key >= 0; j += 32) {
    const unsigned hits = __ballot_sync(full_warp, j + lane < tokens && keys[j + lane] == key);
    if (hits) after = static_cast<int>(j) + __ffs(static_cast<int>(hits)) - 1;
  }
  if (lane == 0) next[t] = after, first[t] = !preceded;
}

// A block per token and piece of the width. The first token of each key adds up all of them, in the
// order of tokens, and writes the row.
template <class D, class G>
__global__ void scatter_kernel(const D* dy, const int32_t* keys, const int32_t* next,
                               const int32_t* first, G* gradient, int width) {
  const int64_t token = blockIdx.x;
  if (!first[token]) return;
  const int c = blockIdx.y * blockDim.x + threadIdx.x;
  if (c >= width) return;
  float sum = 0;
  for (int64_t t = token; t >= 0; t = next[t]) sum += to_float(dy[t * width + c]);
  gradient[int64_t{keys[token]} * width + c] = from_float<G>(sum);
}

template <class G>
struct ZeroBody {
  G* gradient;
  template <int n>
  __device__ void run(int64_t at) const {
    float zero[n] = {};
    store<n>(gradient + at, zero);
  }
};

void scatter(const EmbeddingBackward& op, const MaybeOut& gradient, bool of_rows, Stream& stream) {
  const int64_t tokens = op.ids.count();
  const int width = static_cast<int>(op.dy.shape[-1]);
  auto* keys = stream.scratch<int32_t>(3 * tokens);
  int32_t *next = keys + tokens, *first = next + tokens;
  launch(stream, keys_kernel, element_blocks(tokens), element_threads, 0, op.ids.as<int32_t>(),
         op.slots.as<int32_t>(), of_rows, keys, tokens,
         stream.fault(EmbeddingBackward::name, of_rows ? "slots" : "ids", 0, gradient.shape[0]));
  launch(stream, links_kernel, static_cast<unsigned>(ceil_div<int64_t>(tokens, 8)), 256, 0, keys,
         next, first, tokens);
  with_float(gradient.dtype, [&](auto type) {
    using G = decltype(type);
    G* to = gradient.as<G>();
    for_each_element(stream, gradient.count(), aligned(gradient), ZeroBody<G>{to});
    with_float(op.dy.dtype, [&](auto dy_type) {
      using D = decltype(dy_type);
      launch(stream, scatter_kernel<D, G>,
             dim3(static_cast<unsigned>(tokens), static_cast<unsigned>(ceil_div(width, 128))), 128,
             0, op.dy.as<D>(), keys, next, first, to, width);
    });
  });
}

}  // namespace

void run(const Embedding& op, Stream& stream) {
  const int64_t tokens = op.ids.count();
  const int width = static_cast<int>(op.table.shape[1]);
  const FaultSite bad_id = stream.fault(Embedding::name, "ids", 0, op.table.shape[0]);
  const FaultSite bad_slot =
      stream.fault(Embedding::name, "slots", 0, op.rows.present() ? op.rows.shape[0] : 0);
  const bool vectors = aligned(op.table, op.rows, op.y) && width % vector_width == 0;
  with_float(op.table.dtype, [&](auto type) {
    using T = decltype(type);
    with_float(op.y.dtype, [&](auto y_type) {
      using Y = decltype(y_type);
      launch(stream, vectors ? embedding_kernel<T, Y, vector_width> : embedding_kernel<T, Y, 1>,
             static_cast<unsigned>(tokens), 128, 0, op.table.as<T>(), op.ids.as<int32_t>(),
             op.rows.as<Y>(), op.slots.as<int32_t>(), op.y.as<Y>(), width, bad_id, bad_slot);
    });
  });
}

void run(const EmbeddingBackward& op, Stream& stream) {
  if (op.dtable.present()) scatter(op, op.dtable, false, stream);
  if (op.drows.present()) scatter(op, op.drows, true, stream);
}

}  // namespace stylear::cuda
