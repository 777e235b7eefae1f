// Attention of native/cuda, plain, over two segments and over pages, against its definition in f64,
// on shapes that no tile divides, from odd addresses, with NaN wherever nobody may look; and a
// row's bits over pages in any company.
#include <functional>
#include <limits>

#include "simt_products.h"

using namespace stylear;

namespace {

constexpr Dtype f32 = Dtype::f32, b16 = Dtype::bf16, i32 = Dtype::i32;
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

// An element of a row of a head: (sequence, row, head, column).
using Element = std::function<double(int, int, int, int)>;

Element dense(const Array& x) {
  return [&x](int s, int i, int h, int c) {
    const Shape& shape = x.view.shape;
    return x[((s * shape[1] + i) * shape[2] + h) * shape[3] + c];
  };
}

struct Extents {
  int sequences, queries, keys, heads, kv_heads, dim;
};

// The definition, with gradients where there is a dy. `end` is what a query row sees.
struct Expected {
  std::vector<double> y, lse, dq, dk, dv;

  Expected(const Extents& e, double scale, const std::function<int(int, int)>& end,
           const Element& q, const Element& k, const Element& v, const Element& dy = nullptr)
      : y(size_t(e.sequences) * e.queries * e.heads * e.dim),
        lse(size_t(e.sequences) * e.heads * e.queries, -INFINITY),
        dq(y.size()),
        dk(size_t(e.sequences) * e.keys * e.kv_heads * e.dim),
        dv(dk.size()) {
    for (int s = 0; s < e.sequences; ++s)
      for (int h = 0; h < e.heads; ++h)
        for (int i = 0; i < e.queries; ++i) {
          const int seen = end(s, i), kv_head = h / (e.heads / e.kv_heads);
          if (seen > 0) row(e, scale, s, i, h, kv_head, seen, q, k, v, dy);
        }
  }

 private:
  void row(const Extents& e, double scale, int s, int i, int h, int kv_head, int seen,
           const Element& q, const Element& k, const Element& v, const Element& dy) {
    const size_t at = (size_t(s * e.queries + i) * e.heads + h) * e.dim;
    std::vector<double> p(seen);
    double top = -INFINITY, sum = 0, delta = 0;
    for (int j = 0; j < seen; ++j) {
      for (int c = 0; c < e.dim; ++c) p[j] += scale * q(s, i, h, c) * k(s, j, kv_head, c);
      top = std::max(top, p[j]);
    }
    for (double& w : p) sum += w = std::exp(w - top);
    lse[(s * e.heads + h) * e.queries + i] = top + std::log(sum);
    for (int j = 0; j < seen; ++j) {
      p[j] /= sum;
      for (int c = 0; c < e.dim; ++c) y[at + c] += p[j] * v(s, j, kv_head, c);
    }
    if (!dy) return;
    for (int c = 0; c < e.dim; ++c) delta += dy(s, i, h, c) * y[at + c];
    for (int j = 0; j < seen; ++j) {
      const size_t key = (size_t(s * e.keys + j) * e.kv_heads + kv_head) * e.dim;
      double dp = 0;
      for (int c = 0; c < e.dim; ++c) dp += dy(s, i, h, c) * v(s, j, kv_head, c);
      const double ds = scale * p[j] * (dp - delta);
      for (int c = 0; c < e.dim; ++c) {
        dq[at + c] += ds * k(s, j, kv_head, c);
        dk[key + c] += ds * q(s, i, h, c);
        dv[key + c] += p[j] * dy(s, i, h, c);
      }
    }
  }
};

// Within some roundings of the largest element: the weights are rounded to bf16 before they meet
// the values, and sums in f32 are of many terms.
void expect_near(const std::string& what, const Array& got, const std::vector<double>& expected,
                 int roundings) {
  double largest = 1e-6;
  for (const double v : expected)
    if (std::isfinite(v)) largest = std::max(largest, std::fabs(v));
  const double unit = got.view.dtype == b16 ? 1.0 / 256 : 64.0 / (1 << 24);
  for (int64_t i = 0; i < got.view.count(); ++i) {
    if (got[i] == expected[i] || std::fabs(got[i] - expected[i]) <= roundings * unit * largest)
      continue;
    ++failures;
    std::printf("FAIL %s: element %ld is %.8g, expected %.8g\n", what.c_str(), long(i), got[i],
                expected[i]);
    return;
  }
}

struct Case {
  Extents e;
  bool causal;
  bool offsets, lengths;  // given, different for each sequence
  int skew;
  float scale;
};

// What runs where: the compute capability of the GPU, and how many multiprocessors it has.
struct Gpu {
  int capability = 80, multiprocessors = 132;
};

// Whether the last kernel was one of Hopper's.
bool by_wgmma() { return simt::last_stats().wgmma > 0; }

void expect_kernel(const std::string& what, bool wgmma) {
  if (by_wgmma() == wgmma) return;
  ++failures;
  std::printf("FAIL %s: expected %s kernel\n", what.c_str(), wgmma ? "Hopper's" : "the common");
}

void test_attention(const Case& c, Dtype dtype, Gpu gpu = {}) {
  const auto& [sequences, queries, keys, heads, kv_heads, dim] = c.e;
  const Shape q_shape{sequences, queries, heads, dim}, k_shape{sequences, keys, kv_heads, dim};
  Array q(dtype, q_shape, c.skew), k(dtype, k_shape, c.skew), v(dtype, k_shape, c.skew);
  Array y(dtype, q_shape, c.skew), dy(dtype, q_shape, c.skew),
      lse(f32, {sequences, heads, queries});
  Array dq(dtype, q_shape, c.skew), dk(dtype, k_shape, c.skew), dv(dtype, k_shape, c.skew);
  Array offsets(i32, {sequences}), lengths(i32, {sequences});
  q.random(1, 2), k.random(2, 2), v.random(3, 2), dy.random(4, 2);
  for (int s = 0; s < sequences; ++s) {
    offsets.set(s, c.offsets ? s * 37 % (keys + queries) - queries / 2 : keys - queries);
    lengths.set(s, c.lengths ? (keys + 1) * (s + 1) / (sequences + 1) : keys);
    for (int64_t j = int64_t(lengths[s]) * kv_heads * dim; j < k_shape.count(1); ++j)
      k.set(s * k_shape.count(1) + j, nan), v.set(s * k_shape.count(1) + j, nan);
  }

  Attention forward{q, k, v, {}, {}, y, lse.as<MaybeOut>(), c.causal, c.scale};
  if (c.offsets) forward.q_offsets = offsets;
  if (c.lengths) forward.k_lengths = lengths;
  run_checked(forward, nullptr, gpu.capability, gpu.multiprocessors);
  char what[200];
  std::snprintf(what, sizeof what, "attention %s %dx%d queries %d keys %d/%d heads of %d, %s",
                name_of(dtype), sequences, queries, keys, heads, kv_heads, dim,
                c.causal ? "causal " : "");
  const bool hopper = gpu.capability == 90 && dtype == b16 && (dim == 64 || dim == 128) && !c.skew;
  expect_kernel(what, hopper);
  const auto end = [&](int s, int i) {
    return int(c.causal ? std::min(lengths[s], offsets[s] + i + 1) : lengths[s]);
  };
  const Expected x(c.e, c.scale, end, dense(q), dense(k), dense(v), dense(dy));
  expect_near(what + std::string("y"), y, x.y, 2);
  expect_near(what + std::string("lse"), lse, x.lse, 4);
  if (gpu.capability == 90) return;  // the backward pass has no kernels of Hopper's
  run_checked(AttentionBackward{q, k, v, forward.q_offsets, forward.k_lengths, y, lse, dy, dq, dk,
                                dv, c.causal, c.scale});
  expect_near(what + std::string("dq"), dq, x.dq, 4);
  expect_near(what + std::string("dk"), dk, x.dk, 4);
  expect_near(what + std::string("dv"), dv, x.dv, 4);
}

void test_perceiver(Dtype dtype, int images, int queries, int features, int heads, int dim,
                    int skew, Gpu gpu = {}) {
  const Extents e{images, queries, features + queries, heads, heads, dim};
  const Shape q_shape{images, queries, heads, dim}, l_shape{images, queries, 2, heads, dim};
  const Shape f_shape{images, features, 2, heads, dim};
  const float scale = 1 / std::sqrt(float(dim));
  Array q(dtype, q_shape, skew), f(dtype, f_shape, skew), l(dtype, l_shape, skew);
  Array y(dtype, q_shape, skew), dy(dtype, q_shape, skew), lse(f32, {images, heads, queries});
  Array dq(dtype, q_shape, skew), df(dtype, f_shape, skew), dl(dtype, l_shape, skew);
  q.random(1, 2), f.random(2, 2), l.random(3, 2), dy.random(4, 2);
  run_checked(PerceiverAttention{q, f, l, y, lse.as<MaybeOut>(), scale}, nullptr, gpu.capability);
  expect_kernel("perceiver", false);
  run_checked(PerceiverAttentionBackward{q, f, l, y, lse, dy, dq, df, dl, scale});

  // k (0) or v (1) of the segments one after the other.
  const auto joined = [&](const Array& first, const Array& second, int which) {
    return [&, which](int s, int j, int h, int c) {
      const Array& x = j < features ? first : second;
      const int64_t row = j < features ? s * features + j : s * queries + j - features;
      return x[((row * 2 + which) * heads + h) * dim + c];
    };
  };
  const Expected x(
      e, scale, [&](int, int) { return e.keys; }, dense(q), joined(f, l, 0), joined(f, l, 1),
      dense(dy));
  std::vector<double> df_expected, dl_expected;
  for (int s = 0; s < images; ++s)
    for (int j = 0; j < e.keys; ++j)
      for (const auto* gradient : {&x.dk, &x.dv})
        for (int c = 0; c < heads * dim; ++c)
          (j < features ? df_expected : dl_expected)
              .push_back((*gradient)[size_t(s * e.keys + j) * heads * dim + c]);
  char what[200];
  std::snprintf(what, sizeof what, "perceiver %s %dx%d queries %d features %d heads of %d, ",
                name_of(dtype), images, queries, features, heads, dim);
  expect_near(what + std::string("y"), y, x.y, 2);
  expect_near(what + std::string("dq"), dq, x.dq, 4);
  expect_near(what + std::string("dfeatures"), df, df_expected, 4);
  expect_near(what + std::string("dlatents"), dl, dl_expected, 4);
}

// Tiles are of 128 queries and 128 keys. One multiprocessor computes all rows one after the other.
void test_hopper() {
  const Case cases[] = {
      {{1, 1, 1, 1, 1, 64}, false, false, false, 0, 1.0f},
      {{2, 63, 300, 2, 1, 64}, true, false, true, 0, 0.125f},
      {{1, 64, 127, 1, 1, 64}, false, false, false, 0, -0.25f},
      {{3, 65, 129, 2, 2, 64}, true, true, true, 0, 0.125f},
      {{1, 130, 256, 3, 1, 64}, true, false, false, 0, 0.125f},
      {{1, 300, 1100, 1, 1, 64}, true, false, false, 0, 0.125f},  // a ring's buffers, used again
      {{3, 130, 40, 12, 12, 64}, true, true, true, 0, 0.125f},  // more heads than are taken at once
      {{2, 1, 515, 2, 2, 128}, true, false, true, 0, 0.09f},
      {{1, 63, 5, 1, 1, 128}, true, false, false, 0, 0.09f},
      {{1, 64, 128, 2, 1, 128}, false, false, false, 0, 0.09f},
      {{3, 65, 257, 2, 1, 128}, true, true, true, 0, -0.09f},
      {{2, 130, 130, 4, 2, 128}, true, false, false, 0, 0.09f},
      {{2, 300, 333, 2, 2, 128}, true, true, false, 0, 0.09f},
      {{2, 300, 450, 1, 1, 128}, false, false, true, 0, 0.0f},
      {{1, 130, 900, 1, 1, 128}, true, false, false, 0, 0.09f},
  };
  using namespace simt;
  const Options usual = options();
  for (const auto& [order, async] :
       {std::pair{Order::forward, Async::late}, std::pair{Order::reverse, Async::early},
        std::pair{Order::random, Async::random}}) {
    if (race_build() && order != Order::random) continue;  // it sees what no order shows
    options().order = order, options().async = async;
    for (const Case& c : cases)
      for (const int multiprocessors : {1, 132}) test_attention(c, b16, {90, multiprocessors});
  }
  options() = usual;
  // What has no kernel of its own: below 9.0, other widths and types, rows off 16 bytes.
  test_attention({{1, 65, 65, 1, 1, 128}, true, false, false, 0, 0.09f}, b16, {89});
  test_attention({{1, 65, 65, 1, 1, 80}, true, false, false, 0, 0.09f}, b16, {90});
  test_attention({{1, 65, 65, 1, 1, 64}, true, false, false, 1, 0.09f}, b16, {90});
  test_attention({{1, 65, 65, 1, 1, 64}, true, false, false, 0, 0.09f}, f32, {90});
  test_perceiver(b16, 1, 5, 67, 2, 64, 0, {90});
}

// Sequences of the full capacity, of fewer tokens than queries, and between; pages in any order.
void test_paged(Dtype dtype, Dtype cache, int queries, int heads, int kv_heads, int dim,
                int page_tokens, int max_pages, int skew, float scale) {
  const int sequences = 3, pages = sequences * max_pages, capacity = page_tokens * max_pages;
  const Extents e{sequences, queries, capacity, heads, kv_heads, dim};
  const Shape q_shape{sequences, queries, heads, dim};
  const Shape page_shape{pages, kv_heads, page_tokens, dim};
  Array q(dtype, q_shape, skew), y(dtype, q_shape, skew);
  Array k(cache, page_shape, skew), v(cache, page_shape, skew);
  Array table(i32, {sequences, max_pages}), lengths(i32, {sequences});
  q.random(1, 2);
  const auto at = [&](int s, int j, int h, int c) {
    const int page = (s * max_pages + j / page_tokens) * 7 % pages;
    return ((page * kv_heads + h) * page_tokens + j % page_tokens) * dim + c;
  };
  std::mt19937 bits(5);
  for (int s = 0; s < sequences; ++s) {
    lengths.set(s, s == 0 ? capacity : s == 1 ? queries / 2 : capacity / 3);
    for (int p = 0; p < max_pages; ++p)
      table.set(s * max_pages + p,
                p * page_tokens < lengths[s] ? (s * max_pages + p) * 7 % pages : -1);
    for (int j = 0; j < capacity; ++j)
      for (int i = 0; i < kv_heads * dim; ++i)
        for (const Array& x : {k, v})
          const_cast<Array&>(x).set(at(s, j, i / dim, i % dim),
                                    j < lengths[s] ? int(bits() % 4001) / 1000.0 - 2 : nan);
  }
  const PagedAttention op{q, k, v, table, lengths, y, scale};
  run_checked(op);
  const auto end = [&](int s, int i) { return int(lengths[s]) - queries + i + 1; };
  const auto paged = [&](const Array& x) {
    return [&](int s, int j, int h, int c) { return x[at(s, j, h, c)]; };
  };
  const Expected x(e, scale, end, dense(q), paged(k), paged(v));
  char what[200];
  std::snprintf(what, sizeof what, "paged %s %s %d queries %d/%d heads of %d, %d pages of %d",
                name_of(dtype), name_of(cache), queries, heads, kv_heads, dim, max_pages,
                page_tokens);
  expect_near(what, y, x.y, 2);

  // Each row alone, as the newest token of a shorter sequence, is the same to the last bit.
  for (int s = 0; s < sequences; ++s)
    for (int i = s; i < queries; i += 1 + queries / 3) {
      if (end(s, i) <= 0) continue;
      Array one_q(dtype, {1, 1, heads, dim}), one_y(dtype, {1, 1, heads, dim});
      Array one_table(i32, {1, max_pages}), one_length(i32, {1});
      const int width = heads * dim;
      for (int c = 0; c < width; ++c) one_q.set(c, q[(s * queries + i) * width + c]);
      for (int p = 0; p < max_pages; ++p) one_table.set(p, table[s * max_pages + p]);
      one_length.set(0, end(s, i));
      run_checked(PagedAttention{one_q, k, v, one_table, one_length, one_y, scale});
      const auto bytes = width * bytes_of(dtype);
      if (!std::memcmp(one_y.view.data, static_cast<char*>(y.view.data) + (s * queries + i) * bytes,
                       bytes))
        continue;
      ++failures;
      std::printf("FAIL %s: row %d of sequence %d has other bits alone\n", what, i, s);
    }
}

}  // namespace

int main() {
  const Case cases[] = {
      {{1, 1, 1, 1, 1, 1}, false, false, false, 0, 1.0f},
      {{2, 65, 65, 2, 1, 64}, true, false, false, 0, 0.125f},
      {{3, 7, 129, 2, 2, 80}, true, true, true, 0, 0.11f},
      {{2, 37, 131, 4, 2, 128}, true, false, true, 0, 0.09f},
      {{1, 67, 35, 1, 1, 16}, true, false, false, 0, -0.25f},
      {{2, 17, 19, 3, 1, 13}, false, false, true, 1, 0.3f},
      {{1, 33, 66, 1, 1, 256}, true, true, false, 0, 0.06f},
      {{1, 18, 33, 2, 1, 264}, true, true, true, 0, 0.06f},
      {{1, 65, 65, 1, 1, 512}, false, false, false, 0, 0.044f},
  };
  test_hopper();
  for (const Dtype dtype : {b16, f32}) {
    for (const Case& c : cases) test_attention(c, dtype);
    test_perceiver(dtype, 2, 16, 257, 2, 64, 0);
    test_perceiver(dtype, 1, 5, 67, 3, 20, 1);
    test_perceiver(dtype, 1, 65, 1, 1, 256, 0);
    for (const Dtype cache : {b16, f32}) {
      test_paged(dtype, cache, 1, 2, 2, 80, 16, 5, 0, 0.11f);
      test_paged(dtype, cache, 5, 4, 2, 64, 7, 41, 0, -0.125f);
      test_paged(dtype, cache, 64, 1, 1, 128, 16, 17, 0, 0.09f);
      test_paged(dtype, cache, 17, 2, 1, 19, 13, 20, 1, 0.2f);
      test_paged(dtype, cache, 33, 1, 1, 256, 64, 5, 0, 0.06f);
    }
  }
  return outcome();
}
