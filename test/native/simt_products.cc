// Products, convolutions, nearest codes and 8-bit rows of native/cuda against their definitions in
// f64, on shapes that no tile divides.
#include <algorithm>

#include "cuda/cublaslt.h"
#include "simt_products.h"

using namespace stylear;

namespace {

constexpr Dtype f32 = Dtype::f32, b16 = Dtype::bf16;

void test_matmul(int m, int n, int k, Dtype a_type, Dtype b_type, Dtype c_type, bool ta, bool tb,
                 bool accumulate, int skew, int capability = 80) {
  Array a(a_type, ta ? Shape{k, m} : Shape{m, k}, skew), b(b_type, tb ? Shape{n, k} : Shape{k, n});
  Array c(c_type, {m, n});
  a.random(1), b.random(2), c.random(3);
  std::vector<double> expected(m * n);
  for (int i = 0; i < m; ++i)
    for (int j = 0; j < n; ++j) {
      double sum = 0;
      for (int t = 0; t < k; ++t)
        sum += a[ta ? t * m + i : i * k + t] * b[tb ? j * k + t : t * n + j];
      expected[i * n + j] = 0.5 * sum + (accumulate ? c[i * n + j] : 0);
    }
  run_checked(Matmul{a, b, c, ta, tb, accumulate, 0.5f}, nullptr, capability);
  char what[200];
  std::snprintf(what, sizeof what, "matmul %dx%dx%d %s %s %s %d%d acc %d skew %d", m, n, k,
                name_of(a_type), name_of(b_type), name_of(c_type), ta, tb, accumulate, skew);
  expect_close(what, c, expected, 2, k);
}

void test_matmuls() {
  const int shapes[][3] = {{1, 1, 1},    {7, 13, 5},    {65, 66, 33},
                           {64, 64, 64}, {129, 72, 40}, {16, 24, 1040}};
  for (const auto& [m, n, k] : shapes)
    for (int layout = 0; layout < 4; ++layout) {
      const bool ta = layout & 1, tb = layout & 2;
      test_matmul(m, n, k, b16, b16, b16, ta, tb, false, 0);
      test_matmul(m, n, k, b16, b16, f32, ta, tb, true, 1);
      test_matmul(m, n, k, f32, f32, f32, ta, tb, true, 0);
      test_matmul(m, n, k, f32, b16, b16, ta, tb, true, 1);
      test_matmul(m, n, k, b16, f32, f32, ta, tb, false, 0);
    }
  // Enough tiles for the large kernels.
  for (const Dtype type : {b16, f32})
    for (int layout = 0; layout < 4; ++layout)
      test_matmul(129 * 8, 136 * 14, 24, type, type, b16, layout & 1, layout & 2, false, 0);
}

void test_conv(int images, int h, int w, int c, int o, int kernel, int stride, Ints padding,
               Dtype type, Dtype weight_type) {
  const int64_t yh = conv_extent(h, kernel, stride, padding[0], padding[2]);
  const int64_t yw = conv_extent(w, kernel, stride, padding[1], padding[3]);
  Array x(type, {images, h, w, c}), weight(weight_type, {o, kernel, kernel, c}), bias(f32, {o});
  Array y(type, {images, yh, yw, o}), dx(type, x.view.shape), dw(weight_type, weight.view.shape);
  x.random(1), weight.random(2), bias.random(3), y.random(4);
  const std::vector<double> dy = y.values();  // the residual, then the gradient
  std::vector<double> forward = dy, into_x(x.view.count()), into_weight(weight.view.count());
  Array gradient(type, y.view.shape);
  for (int64_t i = 0; i < y.view.count(); ++i) gradient.set(i, dy[i]);
  int64_t at = 0;
  for (int n = 0; n < images; ++n)
    for (int i = 0; i < yh; ++i)
      for (int j = 0; j < yw; ++j)
        for (int q = 0; q < o; ++q, ++at) {
          forward[at] += bias[q];
          for (int u = 0; u < kernel; ++u)
            for (int v = 0; v < kernel; ++v) {
              const int64_t row = i * stride + u - padding[0], col = j * stride + v - padding[1];
              if (row < 0 || col < 0 || row >= h || col >= w) continue;
              for (int e = 0; e < c; ++e) {
                const int64_t from = ((n * h + row) * w + col) * c + e;
                const int64_t by = ((q * kernel + u) * kernel + v) * c + e;
                forward[at] += weight[by] * x[from];
                into_x[from] += weight[by] * dy[at];
                into_weight[by] += x[from] * dy[at];
              }
            }
        }
  char what[200];
  std::snprintf(what, sizeof what, "%d images %dx%dx%d to %d, kernel %d stride %d, %s %s", images,
                h, w, c, o, kernel, stride, name_of(type), name_of(weight_type));
  run_checked(Conv2d{x, weight, bias, y, y, stride, padding});
  expect_close(std::string("conv2d ") + what, y, forward, 2, kernel * kernel * c);
  run_checked(Conv2dBackwardInput{weight, gradient, dx, stride, padding});
  expect_close(std::string("conv2d_backward_input ") + what, dx, into_x, 2, kernel * kernel * o);
  run_checked(Conv2dBackwardWeight{x, gradient, dw, stride, padding});
  expect_close(std::string("conv2d_backward_weight ") + what, dw, into_weight, 2, yh * yw * images);
}

void test_convs() {
  const Ints same{4, {1, 1, 1, 1}}, none{4, {0, 0, 0, 0}}, down{4, {0, 0, 1, 1}},
      odd{4, {2, 0, 1, 2}};
  for (const Dtype type : {f32, b16})
    for (const Dtype weight_type : {type, f32}) {
      test_conv(1, 1, 1, 1, 1, 1, 1, none, type, weight_type);
      test_conv(2, 9, 7, 3, 5, 3, 1, same, type, weight_type);
      test_conv(1, 12, 10, 16, 24, 3, 1, same, type, weight_type);
      test_conv(2, 10, 12, 8, 16, 3, 2, down, type, weight_type);
      test_conv(1, 11, 13, 16, 8, 3, 2, odd, type, weight_type);
      test_conv(3, 5, 6, 40, 72, 1, 1, none, type, weight_type);
      test_conv(1, 14, 14, 3, 32, 7, 7, none, type, weight_type);
    }
}

void test_nearest(int rows, int count, int width) {
  Array x(f32, {rows, width}), codebook(f32, {count, width}), codes(Dtype::i32, {rows});
  x.random(1), codebook.random(2);
  if (count > 4)  // equal codes: the lower one is meant
    for (int i = 0; i < width; ++i) codebook.set((count - 1) * width + i, codebook[2 * width + i]);
  for (int r = 0; r < rows; r += 3)
    for (int i = 0; i < width; ++i) x.set(r * width + i, codebook[(count > 4 ? 2 : 0) * width + i]);
  run_checked(NearestCode{x, codebook, codes});
  for (int r = 0; r < rows; ++r) {
    std::vector<double> distance(count);
    for (int j = 0; j < count; ++j)
      for (int i = 0; i < width; ++i) {
        const double d = x[r * width + i] - codebook[j * width + i];
        distance[j] += d * d;
      }
    const int nearest = int(std::min_element(distance.begin(), distance.end()) - distance.begin());
    const int got = int(codes[r]);
    if (got == nearest) continue;
    if (got >= 0 && got < count && r % 3 && distance[got] - distance[nearest] < 1e-5) continue;
    ++failures;
    std::printf("FAIL nearest_code %d rows, %d codes of %d: row %d is %d, expected %d\n", rows,
                count, width, r, got, nearest);
  }
}

void test_quantise(int rows, int width, Dtype type) {
  Array x(type, {rows, width}), q(Dtype::i8, {rows, width}), scale(f32, {rows}),
      y(type, {rows, width});
  x.random(1, 3);
  for (int i = 0; i < width; ++i) x.set(i, 0);
  run_checked(Quantise{x, q, scale});
  run_checked(Dequantise{q, scale, y});
  for (int r = 0; r < rows; ++r) {
    float largest = 0;
    for (int i = 0; i < width; ++i) largest = std::max(largest, float(std::fabs(x[r * width + i])));
    const float expected = largest == 0 ? 1 : largest / 127;
    bool good = scale[r] == expected;
    for (int i = 0; i < width; ++i) {
      const int64_t at = r * width + i;
      good = good && q[at] == std::nearbyint(float(x[at]) / expected);
      const float back = float(q[at]) * expected;
      good = good && y[at] == (type == f32 ? back : float(bf16(back)));
    }
    if (good) continue;
    ++failures;
    std::printf("FAIL quantise %dx%d %s: row %d\n", rows, width, name_of(type), r);
  }
}

// Large products on Hopper, whole and with their sums split.
void test_hopper() {
  for (int layout = 0; layout < 4; ++layout)
    test_matmul(712, 648, 72, b16, b16, b16, layout & 1, layout & 2, layout & 2, 0, 90);
  test_matmul(712, 648, 520, b16, b16, f32, false, true, true, 0, 90);
}

// A library that multiplies on the host, and counts.
struct HostLibrary : cuda::BlasLibrary {
  int calls = 0, straight = 0;
  bool multiply(cuda::Stream&, const cuda::BlasProduct& p) override {
    ++calls;
    straight += p.out == Dtype::bf16;
    const auto value = [](const void* data, Dtype dtype, int64_t i) {
      return dtype == f32 ? static_cast<const float*>(data)[i]
                          : float(static_cast<const bf16*>(data)[i]);
    };
    std::vector<float> a(p.m * p.k), b(p.n * p.k);
    for (int64_t i = 0; i < p.m; ++i)
      for (int64_t t = 0; t < p.k; ++t)
        a[i * p.k + t] = value(p.a, p.in, p.transpose_a ? t * p.m + i : i * p.k + t);
    for (int64_t j = 0; j < p.n; ++j)
      for (int64_t t = 0; t < p.k; ++t)
        b[j * p.k + t] = value(p.b, p.in, p.transpose_b ? j * p.k + t : t * p.n + j);
    for (int64_t i = 0; i < p.m; ++i)
      for (int64_t j = 0; j < p.n; ++j) {
        float sum = 0;
        for (int64_t t = 0; t < p.k; ++t) sum += a[i * p.k + t] * b[j * p.k + t];
        const int64_t at = i * p.n + j;
        sum = p.alpha * sum + (p.added ? value(p.added, p.out, at) : 0);
        if (p.out == f32)
          static_cast<float*>(p.c)[at] = sum;
        else
          static_cast<bf16*>(p.c)[at] = bf16(sum);
      }
    return true;
  }
};

// A product large enough for the library, by it and by our kernels.
void test_library() {
  constexpr int m = 136, n = 1040, k = 960;
  for (const bool dressed : {false, true}) {
    HostLibrary library;
    Array x(b16, {m, k}), weight(b16, {n, k}), bias(f32, {n}), y(b16, {m, n}), own(f32, {m, n});
    x.random(1), weight.random(2), bias.random(3), y.random(4);
    for (int i = 0; i < m * n; ++i) own.set(i, y[i]);
    Linear op{x, weight, {}, {}, {}, {}, y, y, Pointwise::none};
    if (dressed) op.bias = bias, op.function = Pointwise::silu;
    run_checked(op, &library);
    op.residual = own, op.y = own;
    run_checked(op);
    expect_close(dressed ? "linear by library, dressed" : "linear by library", y, own.values(), 40,
                 k);
    Array a(b16, {k, m}), c(b16, {m, n}), own_c(f32, {m, n});
    a.random(5), c.random(6);
    for (int i = 0; i < m * n; ++i) own_c.set(i, c[i]);
    run_checked(Matmul{a, weight, c, true, true, true, 0.25f}, &library);
    run_checked(Matmul{a, weight, own_c, true, true, true, 0.25f});
    expect_close("matmul by library", c, own_c.values(), 40, k);
    if (library.calls == 2 && library.straight == (dressed ? 1 : 2)) continue;
    ++failures;
    std::printf("FAIL library: %d calls, %d of them straight into bf16\n", library.calls,
                library.straight);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const bool all = argc < 2;
  const auto wants = [&](const char* name) { return all || !std::strcmp(argv[1], name); };
  if (wants("matmul")) test_matmuls();
  if (wants("hopper")) test_hopper();
  if (wants("library")) test_library();
  if (wants("conv2d")) test_convs();
  if (wants("nearest_code")) {
    test_nearest(1, 1, 1);
    test_nearest(67, 131, 37);
    test_nearest(64, 64, 32);
    test_nearest(130, 700, 8);
  }
  if (wants("quantise"))
    for (const Dtype type : {f32, b16}) test_quantise(1, 1, type), test_quantise(5, 700, type);
  return outcome();
}
