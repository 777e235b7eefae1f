// Attention of a tile of query rows to any number of tiles of keys, with an online softmax (Dao et
// al. 2022): the lanes of every vector are query rows. Scores S^T [key][query] = K Q^T and results
// Y^T [headDim][query] = V^T P^T are products whose vectors run along queries, so that keys and
// values are used as they lie in memory, maxima and sums of a row need no sums across lanes, and a
// row's bits do not depend on the rows beside it.
#pragma once

#include <cmath>
#include <limits>

#include "head_rows.h"
#include "softmax.h"
#include "tile_product.h"
#include "transpose.h"
#include "workers.h"

namespace stylear::cpu {

template <class T>
class SoftmaxTile {
 public:
  static constexpr int64_t most_queries = 4 * lanes < 64 ? 32 : 64;
  static constexpr int64_t most_keys = 8 * product_rows;

  // Takes its memory from the running piece.
  SoftmaxTile(int64_t dim, Workers& workers)
      : dim_(dim),
        padded_dim_(round_up(round_up(dim, product_rows), lanes)),
        stride_(padded_dim_ + lanes),
        queries_(workers.thread_scratch_of<float>(dim * most_queries)),
        scores_(workers.thread_scratch_of<float>(most_keys * most_queries)),
        rows_(workers.thread_scratch_of<float>(std::max(most_keys, most_queries) * stride_)),
        result_(workers.thread_scratch_of<float>(padded_dim_ * most_queries)),
        top_(workers.thread_scratch_of<float>(most_queries)),
        total_(workers.thread_scratch_of<float>(most_queries)),
        factor_(workers.thread_scratch_of<float>(most_queries)) {
    std::fill_n(rows_, most_keys * stride_, 0.0f);  // what pads the head stays zero
  }

  // Query rows that are scored together, `most_queries` at most.
  void begin(HeadRows<T> q, int64_t count, float scale) {
    count_ = count;
    columns_ = round_up(count, lanes);
    scale_ = ScoreScale(scale);
    load_rows<pairs>(q, count, count, dim_, rows_, stride_);
    transpose_in(rows_, stride_, count, words<pairs>(dim_), queries_, columns_);
    std::fill_n(top_, columns_, -std::numeric_limits<float>::infinity());
    std::fill_n(total_, columns_, 0.0f);
    std::fill_n(result_, padded_dim_ * columns_, 0.0f);
  }

  // Query i sees the first seen(i) of the `count` keys; seen may exceed count or be negative.
  template <class Seen>
  void add(HeadRows<T> k, HeadRows<T> v, int64_t count, Seen seen) {
    for (int64_t key = 0; key < count; key += most_keys) {
      const int64_t keys = std::min(most_keys, count - key);
      const int64_t padded = round_up(keys, product_rows);
      load_rows<pairs>(k.from(key), keys, padded, dim_, rows_, stride_);
      tile_product<pairs, Lay::rows, Start::zero>(rows_, stride_, queries_, columns_, scores_,
                                                  columns_, padded, columns_, words<pairs>(dim_));
      int64_t seen_by_all = keys;
      for (int64_t i = 0; i < count_; ++i) {
        const int64_t first_hidden = std::max<int64_t>(0, seen(i) - key);
        hide(i, first_hidden, keys);
        seen_by_all = std::min(seen_by_all, first_hidden);
      }
      softmax(keys);
      load_rows_down<pairs>(v.from(key), keys, dim_, rows_, stride_);
      // Where a key is hidden its weight is 0, and 0 times infinity is no more 0.
      int64_t apart[most_keys], apart_count = 0;
      for (int64_t j = seen_by_all; j < keys; ++j)
        if (!row_is_finite(v.row(key + j), dim_)) leave_out(apart[apart_count++] = j);
      tile_product<pairs, Lay::columns, Start::scaled>(rows_, stride_, scores_, columns_, result_,
                                                       columns_, round_up(dim_, product_rows),
                                                       columns_, words<pairs>(keys), factor_);
      for (int64_t k = 0; k < apart_count; ++k)
        for (int64_t i = 0; i < count_; ++i)
          if (key + apart[k] < seen(i)) add_value(v.row(key + apart[k]), apart[k], i);
    }
  }

  // The rows of the result, and the log of each row's sum where `lse` is given.
  void finish(T* y, int64_t y_stride, float* lse) {
    for (int64_t i = 0; i < columns_; i += lanes) {
      const Floats total = load(total_ + i);
      store(factor_ + i, total == 0.0f ? Floats{} : 1.0f / total);
    }
    transpose_out(result_, columns_, count_, dim_, factor_, y, y_stride);
    if (!lse) return;
    for (int64_t i = 0; i < count_; ++i) lse[i] = top_[i] * ln_2 + std::log(total_[i]);
  }

 private:
  static constexpr bool pairs = tiles_hold_pairs<T>;

  void hide(int64_t query, int64_t first, int64_t keys) {
    for (int64_t key = first; key < keys; ++key) scores_[key * columns_ + query] = scale_.hidden;
  }

  // Clears the row of values `key` of the tile.
  void leave_out(int64_t key) {
    if constexpr (pairs) {
      auto* halves = reinterpret_cast<bf16*>(rows_ + key / 2 * stride_);
      for (int64_t c = 0; c < dim_; ++c) halves[2 * c + key % 2] = bf16(0.0f);
    } else {
      std::fill_n(rows_ + key * stride_, dim_, 0.0f);
    }
  }

  // result of one query += its weight of one key times the values of that key.
  void add_value(const T* value, int64_t key, int64_t query) {
    float weight;
    if constexpr (pairs)
      weight = to_float(
          reinterpret_cast<const bf16*>(scores_ + key / 2 * columns_)[2 * query + key % 2]);
    else
      weight = scores_[key * columns_ + query];
    for (int64_t c = 0; c < dim_; ++c) result_[c * columns_ + query] += weight * to_float(value[c]);
  }

  // Scores become exp2(score - top); the sums and the factor of what was added before follow.
  void softmax(int64_t keys) {
    const Floats scale = splat(scale_.factor);
    for (int64_t i = 0; i < columns_; i += lanes) {
      const auto at = [&](int64_t key) { return scores_ + key * columns_ + i; };
      const Floats before = load(top_ + i);
      Floats top = before;
      for (int64_t key = 0; key < keys; ++key) top = max(load(at(key)) * scale, top);
      store(top_ + i, top);
      // A row that sees nothing yet keeps -infinity; its exponents are taken from 0.
      const Floats from = top == -std::numeric_limits<float>::infinity() ? Floats{} : top;
      const Floats factor = exp2_not_positive(before - from);
      Floats total = load(total_ + i) * factor;
      const auto weigh = [&](int64_t key) {
        const Floats p = exp2_not_positive(fma(load(at(key)), scale, -from));
        total += p;
        return p;
      };
      if constexpr (pairs) {
        for (int64_t key = 0; key < keys; key += 2) {
          const Floats even = weigh(key), odd = key + 1 < keys ? weigh(key + 1) : Floats{};
          store(at(key / 2), pack_pairs(even, odd));
        }
      } else {
        for (int64_t key = 0; key < keys; ++key) store(at(key), weigh(key));
      }
      store(total_ + i, total);
      store(factor_ + i, factor);
    }
  }

  int64_t dim_, padded_dim_, stride_;
  int64_t count_ = 0, columns_ = 0;  // query rows, and those rounded up to whole vectors
  ScoreScale scale_{1.0f};
  float* queries_;                 // [words of dim, columns]
  float* scores_;                  // [keys, columns], then probabilities [words of keys, columns]
  float* rows_;                    // a tile of queries, keys or values
  float* result_;                  // [padded dim, columns]
  float *top_, *total_, *factor_;  // [columns]
};

}  // namespace stylear::cpu
