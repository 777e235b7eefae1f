#include "../../core/ops/paged_attention.h"

#include <cmath>
#include <limits>

#include "../dispatch.h"
#include "../page_table.h"
#include "../run.h"
#include "../softmax.h"
#include "../transpose.h"
#include "../workers.h"

namespace stylear::cpu {

namespace {

constexpr int64_t piece_keys = 256;
constexpr float infinity = std::numeric_limits<float>::infinity();

// What one row of queries got from one piece of the keys: the largest score, the sum of
// exp2(score - largest) and the values weighted by it.
struct Partial {
  float *top, *total;
  float* values;  // [padded dim]
};

// The lanes of every vector run along a head, so that a single row uses them all; rows are computed
// one after another with the same operations, so a row's bits are those it has alone.
template <class P>
class Piece {
 public:
  Piece(int64_t dim, int64_t rows, Workers& workers)
      : dim_(dim),
        padded_dim_((dim + lanes - 1) / lanes * lanes),
        rows_(rows),
        queries_(workers.thread_scratch_of<float>(rows * padded_dim_)),
        scores_(workers.thread_scratch_of<float>(rows * piece_keys)),
        block_(workers.thread_scratch_of<float>(lanes * padded_dim_)),
        keys_(workers.thread_scratch_of<const P*>(piece_keys)),
        values_(workers.thread_scratch_of<const P*>(piece_keys)) {}

  template <class T>
  void set_query(int64_t row, const T* q, float scale) {
    float* to = queries_ + row * padded_dim_;
    for (int64_t c = 0; c < padded_dim_; c += lanes)
      store(to + c, load_chunk(q, c) * (scale * log2_e));
  }

  // The rows of keys and values of `count` tokens from `first` on.
  void find_rows(const PageTable& table, int64_t sequence, int64_t head, int64_t first,
                 int64_t count, const P* k_pages, const P* v_pages) {
    count_ = count;
    for (int64_t j = 0; j < count;) {
      const int64_t at = table.row(sequence, first + j) + head * table.head_stride();
      const int64_t left = table.page_tokens() - (first + j) % table.page_tokens();
      const int64_t end = std::min(count, j + left);
      for (int64_t offset = at; j < end; ++j, offset += dim_) {
        keys_[j] = k_pages + offset;
        values_[j] = v_pages + offset;
      }
    }
  }

  // Row r sees the first seen(r) keys of the piece.
  template <class Seen, class Result>
  void attend(Seen seen, Result result) {
    score();
    for (int64_t r = 0; r < rows_; ++r) {
      const Partial partial = result(r);
      softmax(scores_ + r * piece_keys, std::clamp<int64_t>(seen(r), 0, count_), partial);
      std::fill_n(partial.values, padded_dim_, 0.0f);
    }
    for (int64_t j = 0; j < count_; j += lanes) {
      const int64_t keys = std::min<int64_t>(lanes, count_ - j);
      const bool shared = rows_ > 1;
      if (shared) widen_block(values_ + j, keys);
      for (int64_t r = 0; r < rows_; ++r) {
        const float* weights = scores_ + r * piece_keys + j;
        float* sums = result(r).values;
        if (shared)
          add_values([&](int64_t i, int64_t c) { return load(block_ + i * padded_dim_ + c); },
                     weights, keys, sums);
        else
          add_values([&](int64_t i, int64_t c) { return load_chunk(values_[j + i], c); }, weights,
                     keys, sums);
      }
    }
  }

 private:
  template <class T>
  Floats load_chunk(const T* row, int64_t c) const {
    return c + lanes <= dim_ ? load(row + c) : load(row + c, dim_ - c);
  }

  void widen_block(const P* const* rows, int64_t count) {
    for (int64_t i = 0; i < count; ++i)
      for (int64_t c = 0; c < padded_dim_; c += lanes)
        store(block_ + i * padded_dim_ + c, load_chunk(rows[i], c));
  }

  // Scores of all rows, a vector of keys at a time; those of missing keys are never looked at.
  void score() {
    for (int64_t j = 0; j < count_; j += lanes) {
      const int64_t keys = std::min<int64_t>(lanes, count_ - j);
      const P* rows[lanes];
      for (int64_t i = 0; i < lanes; ++i) rows[i] = keys_[j + std::min(i, keys - 1)];
      const bool shared = rows_ > 1;
      if (shared) widen_block(rows, lanes);
      for (int64_t r = 0; r < rows_; ++r) {
        const float* q = queries_ + r * padded_dim_;
        Floats sums[lanes] = {};
        for (int64_t c = 0; c < padded_dim_; c += lanes) {
          const Floats query = load(q + c);
          if (shared) {
#pragma GCC unroll 16
            for (int i = 0; i < lanes; ++i)
              sums[i] = fma(query, load(block_ + i * padded_dim_ + c), sums[i]);
          } else if (c + lanes <= dim_) {
#pragma GCC unroll 16
            for (int i = 0; i < lanes; ++i) sums[i] = fma(query, load(rows[i] + c), sums[i]);
          } else {
#pragma GCC unroll 16
            for (int i = 0; i < lanes; ++i)
              sums[i] = fma(query, load(rows[i] + c, dim_ - c), sums[i]);
          }
        }
        store(scores_ + r * piece_keys + j, sum_each(sums));
      }
    }
  }

  // Scores become weights; those from `seen` on 0.
  void softmax(float* scores, int64_t seen, const Partial& partial) const {
    std::fill(scores + seen, scores + (count_ + lanes - 1) / lanes * lanes, -infinity);
    Floats tops = splat(-infinity);
    for (int64_t j = 0; j < count_; j += lanes) tops = max(load(scores + j), tops);
    const float top = max_of(tops), from = top == -infinity ? 0.0f : top;
    Floats total{};
    for (int64_t j = 0; j < count_; j += lanes) {
      const Floats p = exp2_not_positive(load(scores + j) - from);
      store(scores + j, p);
      total += p;
    }
    *partial.top = top;
    *partial.total = sum(total);
  }

  // sums += weights[i] * value(i, chunk) over the keys in order, as many chunks at a time as fit
  // the registers.
  template <class Value>
  void add_values(Value value, const float* weights, int64_t keys, float* sums) const {
    constexpr int64_t group = 8;
    int64_t c = 0;
    for (; c + group * lanes <= padded_dim_; c += group * lanes)
      add_chunks<group>(value, weights, keys, c, sums);
    for (; c < padded_dim_; c += lanes) add_chunks<1>(value, weights, keys, c, sums);
  }
  template <int group, class Value>
  void add_chunks(Value value, const float* weights, int64_t keys, int64_t c, float* sums) const {
    Floats total[group];
    for (int g = 0; g < group; ++g) total[g] = load(sums + c + g * lanes);
    for (int64_t i = 0; i < keys; ++i) {
      const Floats weight = splat(weights[i]);
#pragma GCC unroll 8
      for (int g = 0; g < group; ++g) total[g] = fma(weight, value(i, c + g * lanes), total[g]);
    }
    for (int g = 0; g < group; ++g) store(sums + c + g * lanes, total[g]);
  }

  int64_t dim_, padded_dim_, rows_;
  int64_t count_ = 0;
  float* queries_;  // [rows, padded dim], scaled
  float* scores_;   // [rows, piece_keys]
  float* block_;    // [lanes, padded dim]: a block of keys or values for several rows
  const P **keys_, **values_;
};

// Rows of a key-value head are its group's heads by the queries.
template <class T, class P>
void paged_attention(const PagedAttention& op, Workers& workers) {
  const int64_t sequences = op.q.shape[0], queries = op.q.shape[1], heads = op.q.shape[2];
  const int64_t dim = op.q.shape[3], padded_dim = (dim + lanes - 1) / lanes * lanes;
  const int64_t kv_heads = op.k_pages.shape[1], group = heads / kv_heads, rows = group * queries;
  const PageTable table(op.name, op.table, op.k_pages);
  const auto* lengths = op.lengths.as<int32_t>();
  const auto seen = [&](int64_t s, int64_t i) {
    return std::clamp<int64_t>(lengths[s] - queries + i + 1, 0, std::max(lengths[s], 0));
  };
  int64_t longest = 0;
  for (int64_t s = 0; s < sequences; ++s) longest = std::max<int64_t>(longest, lengths[s]);
  const int64_t pieces = (longest + piece_keys - 1) / piece_keys;
  const int64_t partials = sequences * heads * queries * pieces;
  float *tops = workers.scratch_of<float>(partials), *totals = workers.scratch_of<float>(partials);
  float* values = workers.scratch_of<float>(partials * padded_dim);
  const auto offset = [&](int64_t s, int64_t h, int64_t i) {
    return ((s * queries + i) * heads + h) * dim;
  };
  const auto partial_of = [&](int64_t s, int64_t h, int64_t i, int64_t piece) {
    const int64_t at = ((s * heads + h) * queries + i) * pieces + piece;
    return Partial{tops + at, totals + at, values + at * padded_dim};
  };

  workers.for_each(sequences * kv_heads * pieces, 1, [&](int64_t index, int64_t) {
    const int64_t s = index / pieces / kv_heads, head = index / pieces % kv_heads;
    const int64_t piece = index % pieces, first = piece * piece_keys;
    if (first >= lengths[s]) return;
    Piece<P> work(dim, rows, workers);
    work.find_rows(table, s, head, first, std::min(piece_keys, lengths[s] - first),
                   op.k_pages.as<P>(), op.v_pages.as<P>());
    for (int64_t r = 0; r < rows; ++r)
      work.set_query(r, op.q.as<T>() + offset(s, head * group + r / queries, r % queries),
                     op.scale);
    work.attend(
        [&](int64_t r) { return seen(s, r % queries) - first; },
        [&](int64_t r) { return partial_of(s, head * group + r / queries, r % queries, piece); });
  });

  // The pieces that a row sees, in order.
  const int64_t count = sequences * queries * heads;
  workers.for_each(count, workers.grain(count, 8), [&](int64_t begin, int64_t end) {
    float* sums = workers.thread_scratch_of<float>(padded_dim);
    for (int64_t index = begin; index < end; ++index) {
      const int64_t s = index / heads / queries, i = index / heads % queries, h = index % heads;
      const int64_t used = (seen(s, i) + piece_keys - 1) / piece_keys;
      float top = -infinity, total = 0;
      for (int64_t p = 0; p < used; ++p) top = std::max(top, *partial_of(s, h, i, p).top);
      std::fill_n(sums, padded_dim, 0.0f);
      for (int64_t p = 0; p < used; ++p) {
        const Partial partial = partial_of(s, h, i, p);
        const float weight = top == -infinity ? 0.0f : std::exp2(*partial.top - top);
        total += weight * *partial.total;
        for (int64_t c = 0; c < padded_dim; c += lanes)
          store(sums + c, fma(splat(weight), load(partial.values + c), load(sums + c)));
      }
      const float r = total == 0.0f ? 0.0f : 1.0f / total;
      T* y = op.y.as<T>() + offset(s, h, i);
      for (int64_t c = 0; c < dim; c += lanes) {
        const Floats v = load(sums + c) * r;
        c + lanes <= dim ? store(y + c, v) : store(y + c, v, dim - c);
      }
    }
  });
}

}  // namespace

void run(const PagedAttention& op, Workers& workers) {
  with_float(op.q.dtype, [&](auto x) {
    with_float(op.k_pages.dtype,
               [&](auto page) { paged_attention<decltype(x), decltype(page)>(op, workers); });
  });
}

}  // namespace stylear::cpu
