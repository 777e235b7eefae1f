#include "../../core/ops/paged_attention.h"

#include <algorithm>
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

// The lanes of every vector run along a head, so that a single row uses them all. Several rows
// share what they load, but each is computed with the same operations in the same order as alone.
template <class P>
class Piece {
 public:
  Piece(int64_t dim, int64_t rows, Workers& workers)
      : dim_(dim),
        padded_dim_((dim + lanes - 1) / lanes * lanes),
        rows_(rows),
        queries_(workers.thread_scratch_of<float>(rows * padded_dim_)),
        scores_(workers.thread_scratch_of<float>(rows * piece_keys)),
        wide_(workers.thread_scratch_of<float>(lanes * padded_dim_)),
        results_(workers.thread_scratch_of<Partial>(rows)),
        tokens_(workers.thread_scratch_of<const P*>(2 * piece_keys + lanes + ahead)) {}

  template <class T>
  void set_query(int64_t row, const T* q, float scale, const Partial& result) {
    float* to = queries_ + row * padded_dim_;
    for (int64_t c = 0; c < padded_dim_; c += lanes)
      store(to + c, load_chunk(q, c) * (scale * log2_e));
    results_[row] = result;
  }

  // The rows of keys and values of `count` tokens from `first` on.
  void find_tokens(const PageTable& table, int64_t sequence, int64_t head, int64_t first,
                   int64_t count, const P* k_pages, const P* v_pages) {
    count_ = count;
    for (int64_t j = 0; j < count;) {
      int64_t at = table.row(sequence, first + j) + head * table.head_stride();
      const int64_t left = table.page_tokens() - (first + j) % table.page_tokens();
      for (const int64_t end = std::min(count, j + left); j < end; ++j, at += dim_) {
        tokens_[j] = k_pages + at;
        tokens_[count + j] = v_pages + at;
      }
    }
    // A block of keys is scored whole; what is beyond the last is never looked at again.
    std::fill_n(tokens_ + 2 * count, lanes + ahead, tokens_[2 * count - 1]);
  }

  // Row r sees the first seen(r) keys of the piece.
  template <class Seen>
  void attend(Seen seen) {
    for (int64_t j = 0; j < count_; j += lanes)
      with_block(j, lanes, [&](const auto* const* keys, const P* const* next) {
        by_rows([&]<int together>(int64_t r) { score<together>(keys, r ? nullptr : next, r, j); });
      });
    for (int64_t r = 0; r < rows_; ++r) {
      softmax(scores_ + r * piece_keys, std::clamp<int64_t>(seen(r), 0, count_), results_[r]);
      std::fill_n(results_[r].values, padded_dim_, 0.0f);
    }
    for (int64_t j = 0; j < count_; j += lanes) {
      const int64_t count = std::min<int64_t>(lanes, count_ - j);
      with_block(count_ + j, count, [&](const auto* const* values, const P* const* next) {
        by_rows([&]<int together>(int64_t r) {
          add_values<together>(values, r ? nullptr : next, count, r, j);
        });
      });
    }
  }

 private:
  // Keys that are multiplied beside each other. Two are read nearly as they lie, which a processor
  // follows by itself: on a Zen 2 two sequences of 1,216 keys by 1 and 4 queries took 2.05 and 2.33
  // ms so, with 8 keys beside each other, and the next ones asked for at once, 2.65 and 3.35.
  static constexpr int keys_beside = lanes == 16 ? lanes : 2;
  static constexpr int64_t ahead = 2 * lanes;      // tokens
  static constexpr int64_t line = 64 / sizeof(P);  // elements

  template <class T>
  Floats load_chunk(const T* row, int64_t c) const {
    return c + lanes <= dim_ ? load(row + c) : load(row + c, dim_ - c);
  }

  // Calls f with the rows of tokens_[first, first + count): in place, or widened to f32 once where
  // enough query rows share them. `next` are the rows that are asked for meanwhile, line by line as
  // these are read: all at once they would keep the loads behind them waiting. Null once they were.
  template <class F>
  void with_block(int64_t first, int64_t count, F f) {
    const P* const* next = tokens_ + first + ahead;
    if (rows_ <= 4 || sizeof(P) == sizeof(float)) return f(tokens_ + first, next);
    const float* rows[lanes];
    for (int64_t i = 0; i < count; ++i) {
      float* wide = wide_ + i * padded_dim_;
      for (int64_t c = 0; c < padded_dim_; c += lanes) {
        if (c % line == 0) prefetch_second(next[i] + c);
        store(wide + c, load_chunk(tokens_[first + i], c));
      }
      rows[i] = wide;
    }
    f(rows, nullptr);
  }

  // All query rows, four, two or one together.
  template <class F>
  void by_rows(F f) const {
    int64_t r = 0;
    for (; r + 4 <= rows_; r += 4) f.template operator()<4>(r);
    if (r + 2 <= rows_) f.template operator()<2>(r), r += 2;
    if (r < rows_) f.template operator()<1>(r);
  }

  // Scores of query rows from r on with keys from j on. As many pairs are multiplied as a vector
  // has lanes, and one tree of sums makes a vector of scores of them; its order is the same for
  // each pair.
  template <int together, class X>
  void score(const X* const* keys, const P* const* next, int64_t r, int64_t j) {
    constexpr int width = lanes / together, beside = std::min(width, keys_beside);
    for (int step = 0; step < together; ++step) {
      Floats sums[lanes];
#pragma GCC unroll 16
      for (int i = 0; i < width; i += beside) {
        const int at = step * width + i;
        multiply<together, beside>(keys + at, next ? next + at : nullptr, r, sums + i);
      }
      const Floats scores = sum_each(sums);
      const auto* from = reinterpret_cast<const char*>(&scores);
      for (int t = 0; t < together; ++t)
        std::memcpy(scores_ + (r + t) * piece_keys + j + step * width,
                    from + t * width * sizeof(float), width * sizeof(float));
    }
  }

  // sums[t * lanes / together + i] = query row r + t times key i, lane by lane.
  template <int together, int beside, class X>
  void multiply(const X* const* keys, const P* const* next, int64_t r, Floats* sums) const {
    const float* q = queries_ + r * padded_dim_;
    const X* rows[beside];
    for (int i = 0; i < beside; ++i) rows[i] = keys[i];
    Floats own[beside][together];
#pragma GCC unroll 16
    for (int i = 0; i < beside; ++i)
#pragma GCC unroll 4
      for (int t = 0; t < together; ++t) own[i][t] = Floats{};
    int64_t c = 0;
    for (; c + lanes <= dim_; c += lanes, q += lanes) {
      if (next && c % line == 0)
        for (int i = 0; i < beside; ++i) prefetch_second(next[i] + c);
      add_products<together, beside>(q, rows, c, lanes, own);
    }
    if (c < dim_) add_products<together, beside>(q, rows, c, dim_ - c, own);
#pragma GCC unroll 16
    for (int i = 0; i < beside; ++i)
#pragma GCC unroll 4
      for (int t = 0; t < together; ++t) sums[t * (lanes / together) + i] = own[i][t];
  }

  template <int together, int beside, class X>
  void add_products(const float* q, const X* const (&keys)[beside], int64_t c, int64_t count,
                    Floats (&sums)[beside][together]) const {
    Floats query[together];
#pragma GCC unroll 4
    for (int t = 0; t < together; ++t) query[t] = kept(load(q + t * padded_dim_));
#pragma GCC unroll 16
    for (int i = 0; i < beside; ++i) {
      const Floats key = count == lanes ? load(keys[i] + c) : load(keys[i] + c, count);
#pragma GCC unroll 4
      for (int t = 0; t < together; ++t) sums[i][t] = fma(query[t], key, sums[i][t]);
    }
  }

  // Scores become weights; those from `seen` on 0.
  void softmax(float* scores, int64_t seen, const Partial& result) const {
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
    *result.top = top;
    *result.total = sum(total);
  }

  // Adds `count` values from key j on, weighted, to the results of query rows from r on; each sum
  // runs over the keys in order.
  template <int together, class X>
  void add_values(const X* const* values, const P* const* next, int64_t count, int64_t r,
                  int64_t j) {
    constexpr int registers = lanes == 16 ? 16 : 8, group = std::min(8, registers / together);
    const auto add = [&]<int chunks>(int64_t c, auto load_value) {
      Floats sums[together][chunks];
      for (int t = 0; t < together; ++t)
        for (int g = 0; g < chunks; ++g) sums[t][g] = load(results_[r + t].values + c + g * lanes);
      const float* weights = scores_ + r * piece_keys + j;
      for (int64_t i = 0; i < count; ++i) {
        Floats value[chunks];
#pragma GCC unroll 8
        for (int g = 0; g < chunks; ++g) {
          if (next && (c + g * lanes) % line == 0) prefetch_second(next[i] + c + g * lanes);
          value[g] = load_value(values[i] + c + g * lanes);
        }
#pragma GCC unroll 4
        for (int t = 0; t < together; ++t) {
          const Floats weight = splat(weights[t * piece_keys + i]);
#pragma GCC unroll 8
          for (int g = 0; g < chunks; ++g) sums[t][g] = fma(weight, value[g], sums[t][g]);
        }
      }
      for (int t = 0; t < together; ++t)
        for (int g = 0; g < chunks; ++g) store(results_[r + t].values + c + g * lanes, sums[t][g]);
    };
    const auto whole = [](const X* at) { return load(at); };
    int64_t c = 0;
    for (; c + group * lanes <= dim_; c += group * lanes) add.template operator()<group>(c, whole);
    for (; c + lanes <= dim_; c += lanes) add.template operator()<1>(c, whole);
    if (c < dim_) add.template operator()<1>(c, [&](const X* at) { return load(at, dim_ - c); });
  }

  int64_t dim_, padded_dim_, rows_;
  int64_t count_ = 0;
  float* queries_;    // [rows, padded dim], scaled
  float* scores_;     // [rows, piece_keys]
  float* wide_;       // [lanes, padded dim]
  Partial* results_;  // [rows]
  const P** tokens_;  // the rows of the keys, then those of the values
};

// Rows of a key-value head are its group's heads by the queries.
template <class T, class P>
void paged_attention(const PagedAttention& op, Workers& workers) {
  const int64_t sequences = op.q.shape[0], queries = op.q.shape[1], heads = op.q.shape[2];
  const int64_t dim = op.q.shape[3], padded_dim = (dim + lanes - 1) / lanes * lanes;
  const int64_t kv_heads = op.k_pages.shape[1], group = heads / kv_heads, rows = group * queries;
  const PageTable table(op.name, "lengths", op.table, op.k_pages);
  const auto* lengths = op.lengths.as<int32_t>();
  const auto seen = [&](int64_t s, int64_t i) {
    return std::clamp<int64_t>(lengths[s] - queries + i + 1, 0, lengths[s]);
  };
  int64_t longest = 0;
  for (int64_t s = 0; s < sequences; ++s) {
    if (lengths[s] < 0)
      throw Error("ERR_VALUE", std::string(op.name) + ": expected lengths[" + std::to_string(s) +
                                   "] to be 0 or more, got " + std::to_string(lengths[s]));
    longest = std::max<int64_t>(longest, lengths[s]);
  }
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
    work.find_tokens(table, s, head, first, std::min(piece_keys, lengths[s] - first),
                     op.k_pages.as<P>(), op.v_pages.as<P>());
    for (int64_t r = 0; r < rows; ++r) {
      const int64_t h = head * group + r / queries, i = r % queries;
      work.set_query(r, op.q.as<T>() + offset(s, h, i), op.scale, partial_of(s, h, i, piece));
    }
    work.attend([&](int64_t r) { return seen(s, r % queries) - first; });
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
