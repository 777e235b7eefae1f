// The gradient of attention for a tile of query rows and any number of tiles of keys (Dao et al.
// 2022, algorithm 4), with the probabilities recomputed from the log sums of the forward op. As in
// softmax_tile.h the lanes of scores are query rows:
//   P^T = exp2(K Q^T - lse), dV += P^T dY, dS^T = P^T (V dY^T - sum(y dy)), dK += dS^T Q, dQ += dS
//   K.
#pragma once

#include <limits>

#include "head_rows.h"
#include "softmax.h"
#include "tile_product.h"
#include "transpose.h"
#include "workers.h"

namespace stylear::cpu {

class GradientTile {
 public:
  static constexpr int64_t most_queries = lanes == 16 ? 64 : 48;
  static constexpr int64_t most_keys = 8 * product_rows;

  // Gradients of keys and values are summed in f32 rows this far apart, as many as key_rows says.
  static int64_t stride(int64_t dim) { return round_up(dim, lanes) + lanes; }
  static int64_t key_rows(int64_t keys) { return round_up(keys, product_rows); }

  // Takes its memory from the running piece.
  GradientTile(int64_t dim, Workers& workers)
      : dim_(dim),
        padded_dim_(round_up(dim, lanes)),
        stride_(stride(dim)),
        q_(workers.thread_scratch_of<float>(most_queries * stride_)),
        dy_(workers.thread_scratch_of<float>(most_queries * stride_)),
        q_across_(workers.thread_scratch_of<float>(dim * most_queries)),
        dy_across_(workers.thread_scratch_of<float>(dim * most_queries)),
        k_(workers.thread_scratch_of<float>(most_keys * stride_)),
        v_(workers.thread_scratch_of<float>(most_keys * stride_)),
        p_(workers.thread_scratch_of<float>(most_keys * most_queries)),
        ds_(workers.thread_scratch_of<float>(most_keys * most_queries + product_rows)),
        dq_(workers.thread_scratch_of<float>((most_queries + product_rows) * stride_)),
        lse_(workers.thread_scratch_of<float>(most_queries)),
        y_dy_(workers.thread_scratch_of<float>(most_queries)) {
    for (float* rows : {q_, dy_}) std::fill_n(rows, most_queries * stride_, 0.0f);
    for (float* rows : {k_, v_}) std::fill_n(rows, most_keys * stride_, 0.0f);
  }

  // `count` query rows, `most_queries` at most, with what the forward op made of them.
  template <class T>
  void begin(HeadRows<T> q, HeadRows<T> y, HeadRows<T> dy, const float* lse, int64_t count,
             float scale) {
    count_ = count;
    columns_ = round_up(count, lanes);
    scale_ = scale;
    widen_rows(q, count, count, dim_, q_, stride_);
    widen_rows(dy, count, count, dim_, dy_, stride_);
    transpose_in(q.data, q.stride, count, dim_, scale * log2_e, q_across_, columns_);
    transpose_in(dy.data, dy.stride, count, dim_, 1.0f, dy_across_, columns_);
    constexpr float infinity = std::numeric_limits<float>::infinity();
    for (int64_t i = 0; i < columns_; ++i) {
      // A row that sees nothing, and what pads the tile, has probability 0 everywhere.
      const bool sees = i < count && lse[i] != -infinity;
      lse_[i] = sees ? lse[i] * log2_e : infinity;
      y_dy_[i] = sees ? row_product(y.row(i), dy.row(i), dim_) : 0.0f;
    }
    std::fill_n(dq_, round_up(count, product_rows) * stride_, 0.0f);
  }

  // Adds to the sums of `count` keys. Query i sees the first seen(i) of them. dk is still to be
  // multiplied by the scale.
  template <class T, class Seen>
  void add(HeadRows<T> k, HeadRows<T> v, int64_t count, Seen seen, float* dk, float* dv) {
    for (int64_t key = 0; key < count; key += most_keys) {
      const int64_t keys = std::min(most_keys, count - key), padded = key_rows(keys);
      widen_rows(HeadRows<T>{k.row(key), k.stride}, keys, padded, dim_, k_, stride_);
      widen_rows(HeadRows<T>{v.row(key), v.stride}, keys, padded, dim_, v_, stride_);
      tile_product<Lay::rows, Start::zero>(k_, stride_, q_across_, columns_, p_, columns_, padded,
                                           columns_, dim_);
      tile_product<Lay::rows, Start::zero>(v_, stride_, dy_across_, columns_, ds_, columns_, padded,
                                           columns_, dim_);
      for (int64_t i = 0; i < count_; ++i) hide(i, std::max<int64_t>(0, seen(i) - key), keys);
      probabilities(keys);
      std::fill_n(p_ + keys * columns_, (padded - keys) * columns_, 0.0f);
      std::fill_n(ds_ + keys * columns_, (padded - keys) * columns_, 0.0f);
      tile_product<Lay::rows, Start::held>(p_, columns_, dy_, stride_, dv + key * stride_, stride_,
                                           padded, padded_dim_, count_);
      tile_product<Lay::rows, Start::held>(ds_, columns_, q_, stride_, dk + key * stride_, stride_,
                                           padded, padded_dim_, count_);
      tile_product<Lay::columns, Start::held>(ds_, columns_, k_, stride_, dq_, stride_,
                                              round_up(count_, product_rows), padded_dim_, keys);
    }
  }

  template <class T>
  void finish(T* dq, int64_t dq_stride) const {
    narrow_rows(dq_, stride_, count_, dim_, scale_, dq, dq_stride);
  }

 private:
  void hide(int64_t query, int64_t first, int64_t keys) {
    for (int64_t key = first; key < keys; ++key)
      p_[key * columns_ + query] = -std::numeric_limits<float>::infinity();
  }

  // Scores become probabilities, and the products of values and dy the gradients of the scores.
  void probabilities(int64_t keys) {
    for (int64_t i = 0; i < columns_; i += lanes) {
      const Floats lse = load(lse_ + i), y_dy = load(y_dy_ + i);
      for (int64_t key = 0; key < keys; ++key) {
        const int64_t at = key * columns_ + i;
        const Floats p = exp2_not_positive(load(p_ + at) - lse);
        store(p_ + at, p);
        store(ds_ + at, p * (load(ds_ + at) - y_dy));
      }
    }
  }

  int64_t dim_, padded_dim_, stride_;
  int64_t count_ = 0, columns_ = 0;  // query rows, and those rounded up to whole vectors
  float scale_ = 0;
  float *q_, *dy_;                // [queries, stride]
  float *q_across_, *dy_across_;  // [dim, columns]; q scaled
  float *k_, *v_;                 // [keys, stride]
  float *p_, *ds_;                // [keys, columns]
  float* dq_;                     // [queries, stride]
  float *lse_, *y_dy_;            // [columns]
};

}  // namespace stylear::cpu
