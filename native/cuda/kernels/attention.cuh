// What the kernels of attention share: where the rows of a head lie, which keys a query row sees,
// and the arguments of the forward and the backward pass. Plain attention and the perceiver's,
// whose keys come in two segments, differ only in how they fill these in.
#pragma once

#include "../gpu.h"
#include "../stream.h"

namespace stylear::cuda {

constexpr float log2_e = 1.44269504088896341f;

// What scores are multiplied with in a softmax that runs on scores times a positive factor, where a
// negative scale changes the sign of the scores. It is not zero, so that a score of minus infinity
// stays one.
__device__ __forceinline__ float softmax_factor(float scale) { return fmaxf(fabsf(scale), 1e-30f); }

// The rows of one head: row i starts at first + i * stride, and rows from `split` on continue in a
// second tensor.
template <class T>
struct HeadRows {
  T* first;
  T* second;
  int64_t stride;
  int split;

  __device__ __forceinline__ T* operator[](int row) const {
    return row < split ? first + row * stride : second + (row - split) * stride;
  }
};

// The same for all sequences and heads of a tensor, or of a pair of tensors joined along the rows.
template <class T>
struct Heads {
  T* first;
  T* second;
  int64_t first_sequence, second_sequence;  // elements between sequences
  int64_t stride;                           // elements between rows
  int split;

  __device__ __forceinline__ HeadRows<T> of(int sequence, int head, int dim) const {
    const int64_t at = int64_t{head} * dim;
    return {first + sequence * first_sequence + at, second + sequence * second_sequence + at,
            stride, split};
  }
};

// A dense [sequences, rows, heads, dim].
template <class T>
Heads<T> dense_heads(T* data, int64_t rows, int64_t heads, int64_t dim) {
  return {data, data, rows * heads * dim, rows * heads * dim, heads * dim, static_cast<int>(rows)};
}

// Query row i of a sequence sees the keys [0, end(i)); end grows with i.
struct Sight {
  int length, offset;
  bool causal;

  __device__ __forceinline__ int end(int row) const {
    return causal ? max(0, min(length, offset + row + 1)) : length;
  }
};

struct AttentionShape {
  const int* q_offsets;  // null: keys - queries
  const int* k_lengths;  // null: keys
  int sequences, queries, keys, heads, kv_heads, dim;
  float scale;
  bool causal;
  bool wide;  // every row of every tensor starts at a multiple of 16 bytes
  FaultSite length_fault;

  // A length out of range is reported and counts as the nearest that is in range.
  __device__ __forceinline__ Sight sight(int sequence) const {
    int length = keys;
    if (k_lengths) {
      const int given = k_lengths[sequence];
      length = max(0, min(given, keys));
      if (length != given && threadIdx.x == 0) length_fault.report(given);
    }
    const int offset = q_offsets ? max(-queries, min(q_offsets[sequence], keys)) : keys - queries;
    return {length, offset, causal};
  }
};

template <class T>
struct AttentionForward : AttentionShape {
  Heads<const T> q{}, k{}, v{};
  Heads<T> y{};
  float* lse = nullptr;  // [sequences, heads, queries] or null
};

template <class T>
struct AttentionGradient : AttentionShape {
  Heads<const T> q{}, k{}, v{}, y{}, dy{};
  const float* lse = nullptr;  // [sequences, heads, queries]
  float* delta = nullptr;      // [sequences, heads, queries], set by the first kernel
  Heads<T> dq{}, dk{}, dv{};
};

// The first step of the backward pass: p.delta.
template <class T>
void attention_delta(const AttentionGradient<T>& p, Stream& stream);
// bf16 with dim <= 256: tensor cores.
void attend_tiles(const AttentionForward<bf16>& p, Stream& stream);
void attend_tiles_backward(const AttentionGradient<bf16>& p, Stream& stream);
// The same on Hopper, for heads of 64 and 128 in one segment, where rows are wide.
bool suits_wgmma(const AttentionForward<bf16>& p, const Stream& stream);
void attend_wgmma(const AttentionForward<bf16>& p, Stream& stream);
// Everything else: multiplications and additions in f32.
template <class T>
void attend_plain(const AttentionForward<T>& p, Stream& stream);
template <class T>
void attend_plain_backward(const AttentionGradient<T>& p, Stream& stream);

inline void attend(const AttentionForward<bf16>& p, Stream& stream) {
  if (suits_wgmma(p, stream)) return attend_wgmma(p, stream);
  p.dim <= 256 ? attend_tiles(p, stream) : attend_plain(p, stream);
}
inline void attend(const AttentionForward<float>& p, Stream& stream) { attend_plain(p, stream); }
inline void attend_backward(const AttentionGradient<bf16>& p, Stream& stream) {
  p.dim <= 256 ? attend_tiles_backward(p, stream) : attend_plain_backward(p, stream);
}
inline void attend_backward(const AttentionGradient<float>& p, Stream& stream) {
  attend_plain_backward(p, stream);
}

// True if rows of `dim` elements of these tensors can be read 16 bytes at a time.
template <class T, class... Pointers>
bool rows_are_wide(int64_t dim, const Pointers*... data) {
  return dim * int64_t{sizeof(T)} % 16 == 0 &&
         ((reinterpret_cast<uintptr_t>(data) % 16 == 0) && ...);
}

}  // namespace stylear::cuda
