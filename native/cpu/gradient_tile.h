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

template <class T>
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
        k_(tile(most_keys, workers)),
        v_(tile(most_keys, workers)),
        q_down_(tile(most_queries, workers)),
        dy_down_(tile(most_queries, workers)),
        k_down_(pairs ? tile(most_keys, workers) : k_),
        q_across_(workers.thread_scratch_of<float>(dim * most_queries)),
        dy_across_(workers.thread_scratch_of<float>(dim * most_queries)),
        p_(workers.thread_scratch_of<float>(most_keys * most_queries)),
        ds_(workers.thread_scratch_of<float>(most_keys * most_queries)),
        ds_down_(pairs ? workers.thread_scratch_of<float>(most_keys * most_queries) : ds_),
        dq_(tile(round_up(most_queries, product_rows), workers)),
        lse_(workers.thread_scratch_of<float>(most_queries)),
        y_dy_(workers.thread_scratch_of<float>(most_queries)) {}

  // `count` query rows, `most_queries` at most, with what the forward op made of them.
  void begin(HeadRows<T> q, HeadRows<T> y, HeadRows<T> dy, const float* lse, int64_t count,
             float scale) {
    count_ = count;
    columns_ = round_up(count, lanes);
    factor_ = scale;
    scale_ = ScoreScale(scale);
    for (const auto& [rows, down, across] :
         {std::tuple{q, q_down_, q_across_}, std::tuple{dy, dy_down_, dy_across_}}) {
      load_rows<pairs>(rows, count, count, dim_, dq_, stride_);
      transpose_in(dq_, stride_, count, words<pairs>(dim_), across, columns_);
      load_rows_down<pairs>(rows, count, dim_, down, stride_);
    }
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
  template <class Seen>
  void add(HeadRows<T> k, HeadRows<T> v, int64_t count, Seen seen, float* dk, float* dv) {
    for (int64_t key = 0; key < count; key += most_keys) {
      const int64_t keys = std::min(most_keys, count - key), padded = key_rows(keys);
      const int64_t dims = words<pairs>(dim_), queries = words<pairs>(count_);
      load_rows<pairs>(k.from(key), keys, padded, dim_, k_, stride_);
      load_rows<pairs>(v.from(key), keys, padded, dim_, v_, stride_);
      if (pairs) load_rows_down<pairs>(k.from(key), keys, dim_, k_down_, stride_);
      tile_product<pairs, Lay::rows, Start::zero>(k_, stride_, q_across_, columns_, p_, columns_,
                                                  padded, columns_, dims);
      tile_product<pairs, Lay::rows, Start::zero>(v_, stride_, dy_across_, columns_, ds_, columns_,
                                                  padded, columns_, dims);
      for (int64_t i = 0; i < count_; ++i) hide(i, std::max<int64_t>(0, seen(i) - key), keys);
      probabilities(keys);
      std::fill_n(p_ + keys * columns_, (padded - keys) * columns_, 0.0f);
      std::fill_n(ds_ + keys * columns_, (padded - keys) * columns_, 0.0f);
      tile_product<pairs, Lay::rows, Start::held>(p_, columns_, dy_down_, stride_,
                                                  dv + key * stride_, stride_, padded, padded_dim_,
                                                  queries);
      tile_product<pairs, Lay::rows, Start::held>(ds_, columns_, q_down_, stride_,
                                                  dk + key * stride_, stride_, padded, padded_dim_,
                                                  queries);
      tile_product<pairs, Lay::columns, Start::held>(ds_down_, columns_, k_down_, stride_, dq_,
                                                     stride_, round_up(count_, product_rows),
                                                     padded_dim_, words<pairs>(keys));
    }
  }

  void finish(T* dq, int64_t dq_stride) const {
    store_rows(dq_, stride_, count_, dim_, factor_, dq, dq_stride);
  }

 private:
  static constexpr bool pairs = tiles_hold_pairs<T>;

  // Rows `stride_` apart; what pads the head stays zero.
  float* tile(int64_t rows, Workers& workers) const {
    float* memory = workers.thread_scratch_of<float>(rows * stride_);
    std::fill_n(memory, rows * stride_, 0.0f);
    return memory;
  }

  void hide(int64_t query, int64_t first, int64_t keys) {
    for (int64_t key = first; key < keys; ++key) p_[key * columns_ + query] = scale_.hidden;
  }

  // Scores become probabilities, and the products of values and dy the gradients of the scores.
  // With pairs a row of either is then [words along queries] in the front half of its place, which
  // has been read by then, and the gradients also go to ds_down_.
  void probabilities(int64_t keys) {
    const Floats scale = splat(scale_.factor);
    for (int64_t i = 0; i < columns_; i += lanes) {
      const Floats lse = load(lse_ + i), y_dy = load(y_dy_ + i);
      const auto gradient = [&](int64_t key) {
        float *row = p_ + key * columns_, *ds_row = ds_ + key * columns_;
        const Floats p = exp2_not_positive(fma(load(row + i), scale, -lse));
        const Floats ds = p * (load(ds_row + i) - y_dy);
        if constexpr (pairs) {
          store(reinterpret_cast<bf16*>(row) + i, p);
          store(reinterpret_cast<bf16*>(ds_row) + i, ds);
        } else {
          store(row + i, p);
          store(ds_row + i, ds);
        }
        return ds;
      };
      for (int64_t key = 0; key < keys; key += 2) {
        const Floats even = gradient(key), odd = key + 1 < keys ? gradient(key + 1) : Floats{};
        if (pairs) store(ds_down_ + key / 2 * columns_ + i, pack_pairs(even, odd));
      }
    }
  }

  int64_t dim_, padded_dim_, stride_;
  int64_t count_ = 0, columns_ = 0;  // query rows, and those rounded up to whole vectors
  float factor_ = 0;
  ScoreScale scale_{1.0f};
  float *k_, *v_;                       // [keys, words of dim]
  float *q_down_, *dy_down_, *k_down_;  // [words of queries or keys, dim]
  float *q_across_, *dy_across_;        // [words of dim, columns]
  float *p_, *ds_;                      // [keys, columns], then [keys, words of columns]
  float* ds_down_;                      // [words of keys, columns]
  float* dq_;                           // [queries, dim]
  float *lse_, *y_dy_;                  // [columns]
};

}  // namespace stylear::cpu
