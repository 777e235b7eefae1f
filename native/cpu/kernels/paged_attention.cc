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
        tokens_(workers.thread_scratch_of<const P*>(2 * piece_keys + lanes)) {}

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
    std::fill_n(tokens_ + 2 * count, lanes, tokens_[2 * count - 1]);
  }

  // Row r sees the first seen(r) keys of the piece.
  template <class Seen>
  void attend(Seen seen) {
    for (int64_t j = 0; j < count_; j += lanes)
      with_block(j, lanes, [&](const auto* const* keys) {
        by_rows([&]<int together>(int64_t r) { score<together>(keys, r, j); });
      });
    for (int64_t r = 0; r < rows_; ++r) {
      softmax(scores_ + r * piece_keys, std::clamp<int64_t>(seen(r), 0, count_), results_[r]);
      std::fill_n(results_[r].values, padded_dim_, 0.0f);
    }
    for (int64_t j = 0; j < count_; j += lanes) {
      const int64_t count = std::min<int64_t>(lanes, count_ - j);
      with_block(count_ + j, count, [&](const auto* const* values) {
        by_rows([&]<int together>(int64_t r) { add_values<together>(values, count, r, j); });
      });
    }
  }

 private:
  template <class T>
  Floats load_chunk(const T* row, int64_t c) const {
    return c + lanes <= dim_ ? load(row + c) : load(row + c, dim_ - c);
  }

  // Calls f with the rows of tokens_[first, first + count): in place, or widened to f32 once where
  // enough query rows share them.
  template <class F>
  void with_block(int64_t first, int64_t count, F f) {
    constexpr int64_t ahead = 2 * lanes, line = 64 / sizeof(P);
    for (int64_t i = first + ahead; i < std::min(first + ahead + count, 2 * count_); ++i)
      for (int64_t c = 0; c < dim_; c += line) prefetch(tokens_[i] + c);
    if (rows_ <= 4 || sizeof(P) == sizeof(float)) return f(tokens_ + first);
    const float* rows[lanes];
    for (int64_t i = 0; i < count; ++i) {
      float* wide = wide_ + i * padded_dim_;
      for (int64_t c = 0; c < padded_dim_; c += lanes)
        store(wide + c, load_chunk(tokens_[first + i], c));
      rows[i] = wide;
    }
    f(rows);
  }

  // All query rows, four, two or one together.
  template <class F>
  void by_rows(F f) const {
    int64_t r = 0;
    for (; r + 4 <= rows_; r += 4) f.template operator()<4>(r);
    if (r + 2 <= rows_) f.template operator()<2>(r), r += 2;
    if (r < rows_) f.template operator()<1>(r);
  }

  // Scores of query rows from r on with keys from j on. As many pairs are kept in registers as a
  // vector has lanes, which one tree of sums turns into a vector of scores; its order is the same
  // for each pair.
  template <int together, class X>
  void score(const X* const* keys, int64_t r, int64_t j) {
    constexpr int width = lanes / together;
    const float* q = queries_ + r * padded_dim_;
    for (int step = 0; step < together; ++step) {
      const X* rows[width];
      for (int i = 0; i < width; ++i) rows[i] = keys[step * width + i];
      Floats sums[lanes];
#pragma GCC unroll 16
      for (int i = 0; i < lanes; ++i) sums[i] = Floats{};
      const auto add = [&](int64_t c, auto load_key) {
        Floats query[together];
#pragma GCC unroll 4
        for (int t = 0; t < together; ++t) query[t] = kept(load(q + t * padded_dim_ + c));
#pragma GCC unroll 16
        for (int i = 0; i < width; ++i) {
          const Floats key = load_key(rows[i] + c);
#pragma GCC unroll 4
          for (int t = 0; t < together; ++t)
            sums[t * width + i] = fma(query[t], key, sums[t * width + i]);
        }
      };
      int64_t c = 0;
      for (; c + lanes <= dim_; c += lanes) add(c, [](const X* at) { return load(at); });
      if (c < dim_) add(c, [&](const X* at) { return load(at, dim_ - c); });
      const Floats scores = sum_each(sums);
      const auto* from = reinterpret_cast<const char*>(&scores);
      for (int t = 0; t < together; ++t)
        std::memcpy(scores_ + (r + t) * piece_keys + j + step * width,
                    from + t * width * sizeof(float), width * sizeof(float));
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
  void add_values(const X* const* values, int64_t count, int64_t r, int64_t j) {
    constexpr int registers = lanes == 16 ? 16 : 8, group = std::min(8, registers / together);
    const auto add = [&]<int chunks>(int64_t c, auto load_value) {
      Floats sums[together][chunks];
      for (int t = 0; t < together; ++t)
        for (int g = 0; g < chunks; ++g) sums[t][g] = load(results_[r + t].values + c + g * lanes);
      const float* weights = scores_ + r * piece_keys + j;
      for (int64_t i = 0; i < count; ++i) {
        Floats value[chunks];
#pragma GCC unroll 8
        for (int g = 0; g < chunks; ++g) value[g] = load_value(values[i] + c + g * lanes);
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
