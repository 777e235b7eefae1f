// Products on the CPU against their definition in float64, at shapes that break tiles; equal bits
// whatever rows stand beside a row and however many threads share the work; the arithmetic in pairs
// of bf16, which the loops of every level can run.
#include <cmath>
#include <random>
#include <type_traits>
#include <vector>

#include "cpu/gemm.h"
#include "cpu/run.h"
#include "cpu/skinny.h"
#include "cpu/workers.h"
#include "expect.h"

using namespace stylear;
using namespace stylear::cpu;

namespace {

template <class T>
constexpr Dtype dtype_of() {
  return std::is_same_v<T, float> ? Dtype::f32 : std::is_same_v<T, bf16> ? Dtype::bf16 : Dtype::i8;
}

// Uniform in [-1, 1], i8 in [-127, 127].
template <class T>
std::vector<T> random(int64_t count, unsigned seed) {
  std::mt19937 bits(seed);
  std::vector<T> values(static_cast<size_t>(count));
  for (T& value : values) {
    const float uniform = static_cast<float>(static_cast<int>(bits() >> 8) - (1 << 23)) / (1 << 23);
    value = static_cast<T>(dtype_of<T>() == Dtype::i8 ? 127 * uniform : uniform);
  }
  return values;
}

template <class View, class T>
void give(View& view, std::vector<T>& values, Shape shape) {
  static_cast<TensorView&>(view) = {values.data(), dtype_of<T>(), shape};
}

// A sum of n products in f32 is off by a few roundings of their magnitudes (n in the worst case,
// its root as a rule); storing rounds once more.
template <class T>
bool is_close(T got, double expected, double magnitude) {
  const double rounding = 6e-8;
  const double stored = std::is_same_v<T, bf16> ? 0.004 * std::abs(expected) : 0;
  return std::abs(static_cast<double>(static_cast<float>(got)) - expected) <=
         16 * rounding * magnitude + stored + 1e-30;
}

template <class T>
double at(const std::vector<T>& values, int64_t i) {
  return static_cast<float>(values[static_cast<size_t>(i)]);
}

template <class A, class B, class C>
void matmul_is_its_definition(Workers& workers, int64_t rows, int64_t cols, int64_t depth) {
  for (const bool transpose_a : {false, true})
    for (const bool transpose_b : {false, true}) {
      const bool accumulate = transpose_a;
      auto a = random<A>(rows * depth, 1);
      auto b = random<B>(depth * cols, 2);
      const auto before = random<C>(rows * cols, 3);
      auto c = before;
      Matmul op{};
      give(op.a, a, transpose_a ? Shape{depth, rows} : Shape{rows, depth});
      give(op.b, b, transpose_b ? Shape{cols, depth} : Shape{depth, cols});
      give(op.c, c, {rows, cols});
      op.transpose_a = transpose_a, op.transpose_b = transpose_b;
      op.accumulate = accumulate, op.alpha = 0.5f;
      run(op, workers);
      workers.finish_op();
      for (int64_t i = 0; i < rows; ++i)
        for (int64_t j = 0; j < cols; ++j) {
          double sum = accumulate ? at(before, i * cols + j) : 0, magnitude = std::abs(sum);
          for (int64_t d = 0; d < depth; ++d) {
            const double product = 0.5 * at(a, transpose_a ? d * rows + i : i * depth + d) *
                                   at(b, transpose_b ? j * depth + d : d * cols + j);
            sum += product, magnitude += std::abs(product);
          }
          EXPECT(is_close(c[static_cast<size_t>(i * cols + j)], sum, magnitude));
        }
    }
}

template <class X, class W, class Y>
std::vector<Y> linear(Workers& workers, int64_t rows, int64_t outs, int64_t depth, bool check) {
  const int64_t rank = 5;
  auto x = random<X>(rows * depth, 1);
  auto weight = random<W>(depth * outs, 2);
  auto scale = random<float>(outs, 3);
  auto bias = random<float>(outs, 4);
  auto side = random<float>(rows * rank, 5);
  auto side_weight = random<bf16>(rank * outs, 6);
  auto residual = random<Y>(rows * outs, 7);
  std::vector<Y> y(static_cast<size_t>(rows * outs));
  Linear op{};
  give(op.x, x, {rows, depth});
  give(op.weight, weight, {outs, depth});
  const bool scaled = dtype_of<W>() == Dtype::i8;
  if (scaled) give(op.scale, scale, {outs});
  give(op.bias, bias, {outs});
  give(op.side, side, {rows, rank});
  give(op.side_weight, side_weight, {rank, outs});
  give(op.residual, residual, {rows, outs});
  give(op.y, y, {rows, outs});
  op.function = Pointwise::silu;
  run(op, workers);
  workers.finish_op();

  for (int64_t i = 0; check && i < rows; ++i)
    for (int64_t j = 0; j < outs; ++j) {
      const double factor = scaled ? at(scale, j) : 1;
      double sum = 0, magnitude = 0;
      const auto add = [&](double product) { sum += product, magnitude += std::abs(product); };
      for (int64_t d = 0; d < depth; ++d)
        add(factor * at(x, i * depth + d) * at(weight, j * depth + d));
      for (int64_t r = 0; r < rank; ++r)
        add(at(side, i * rank + r) * at(side_weight, r * outs + j));
      add(at(bias, j));
      const double activated = sum / (1 + std::exp(-sum));
      const double expected = activated + at(residual, i * outs + j);
      EXPECT(is_close(y[static_cast<size_t>(i * outs + j)], expected, 2 * magnitude + 1));
    }
  return y;
}

// Row i of 64 rows, of any fewer, by any team.
template <class X, class W>
void a_row_keeps_its_bits(int64_t outs, int64_t depth) {
  Workers alone(1), pair(2), three(3);
  const auto all = linear<X, W, float>(alone, 64, outs, depth, false);
  for (const int64_t rows : {1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 17, 33, 63, 64}) {
    const auto some = linear<X, W, float>(rows % 2 ? pair : three, rows, outs, depth, false);
    for (size_t i = 0; i < some.size(); ++i) EXPECT(some[i] == all[i]);
  }
}

class Sums final : public Output {
 public:
  Sums(int64_t rows, int64_t cols) : values(static_cast<size_t>(rows * cols)), cols_(cols) {}
  void take(int64_t row, int rows, int64_t col, int cols, const float* sums) const override {
    for (int i = 0; i < rows; ++i)
      for (int j = 0; j < cols; ++j)
        values[static_cast<size_t>((row + i) * cols_ + col + j)] = sums[i * tile_cols + j];
  }
  mutable std::vector<float> values;

 private:
  int64_t cols_;
};

// c[rows][cols] = a b^T, both sides [lines, depth], against their definition.
template <class B>
void is_the_product(const std::vector<float>& c, const std::vector<bf16>& a,
                    const std::vector<B>& b, int64_t rows, int64_t cols, int64_t depth) {
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < cols; ++j) {
      double sum = 0, magnitude = 0;
      for (int64_t d = 0; d < depth; ++d) {
        const double product = at(a, i * depth + d) * at(b, j * depth + d);
        sum += product, magnitude += std::abs(product);
      }
      EXPECT(is_close(c[static_cast<size_t>(i * cols + j)], sum, magnitude));
    }
}

void pairs_are_multiplied(Workers& workers, int64_t rows, int64_t cols, int64_t depth) {
  const auto a = random<bf16>(rows * depth, 1), b = random<bf16>(cols * depth, 2);
  const Sums along(rows, cols);
  multiply(Arithmetic::bf16_pairs, rows, cols, depth, DenseFactor<bf16>(a.data(), depth, 1),
           DenseFactor<bf16>(b.data(), depth, 1), along, workers);
  workers.finish_op();
  is_the_product(along.values, a, b, rows, cols, depth);

  std::vector<bf16> transposed(a.size());  // the same left side, its lines side by side
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t d = 0; d < depth; ++d)
      transposed[static_cast<size_t>(d * rows + i)] = a[static_cast<size_t>(i * depth + d)];
  const Sums across(rows, cols);
  multiply(Arithmetic::bf16_pairs, rows, cols, depth, DenseFactor<bf16>(transposed.data(), 1, rows),
           DenseFactor<bf16>(b.data(), depth, 1), across, workers);
  workers.finish_op();
  EXPECT(across.values == along.values);
}

// The product of few rows in pairs; equal bits for the first row alone.
template <class Weights>
void pairs_of_few_rows_are_multiplied(int64_t rows, int64_t cols, int64_t depth) {
  const auto a = random<bf16>(rows * depth, 1);
  const auto b = random<typename Weights::Weight>(cols * depth, 2);
  const auto product_of = [&](int64_t count) {
    using X = Activations<Weights>;
    std::vector<float> room(static_cast<size_t>(X::floats(count, depth)));
    const X x(room.data(), count, depth);
    for (int64_t row = 0; row < count; ++row) x.write_row(row, a.data() + row * depth);
    using Product = SkinnyProduct<Weights>;
    const Product product(b.data(), depth, x, count);
    std::vector<float> c(static_cast<size_t>(count * cols));
    std::vector<float> waiting(static_cast<size_t>(Product::sums_floats(count)));
    for (int64_t col = 0; col < cols; col += skinny_outs) {
      const int64_t outs = std::min(skinny_outs, cols - col);
      product.multiply(col, outs, waiting.data(), [&](int64_t row, const float* sums) {
        std::copy_n(sums, outs, c.begin() + row * cols + col);
      });
    }
    return c;
  };
  const auto c = product_of(rows);
  is_the_product(c, a, b, rows, cols, depth);
  EXPECT(std::equal(c.begin(), c.begin() + cols, product_of(1).begin()));
}

}  // namespace

int main() {
  Workers workers(2);
  // 1; primes; one more than a tile and than a block of depth; few rows, few columns.
  for (const auto& [rows, cols, depth] : std::vector<std::array<int64_t, 3>>{
           {1, 1, 1}, {3, 5, 7}, {15, 33, 385}, {29, 67, 101}, {4, 300, 130}, {300, 4, 130}}) {
    matmul_is_its_definition<float, float, float>(workers, rows, cols, depth);
    matmul_is_its_definition<bf16, float, bf16>(workers, rows, cols, depth);
    matmul_is_its_definition<float, bf16, float>(workers, rows, cols, depth);
    matmul_is_its_definition<bf16, bf16, bf16>(workers, rows, cols, depth);
    pairs_are_multiplied(workers, rows, cols, depth);
  }
  pairs_are_multiplied(workers, 9, 97, 1537);
  // Below and above 8 rows; one more than each block of depth.
  for (const auto& [rows, cols, depth] : std::vector<std::array<int64_t, 3>>{{1, 1, 1},
                                                                             {3, 5, 7},
                                                                             {15, 33, 385},
                                                                             {9, 97, 1537},
                                                                             {8, 50, 2049},
                                                                             {4, 49, 4097},
                                                                             {6, 51, 4097},
                                                                             {2, 5, 8193}}) {
    pairs_of_few_rows_are_multiplied<Bf16PairWeights<FirstCache::small>>(rows, cols, depth);
    pairs_of_few_rows_are_multiplied<Bf16PairWeights<FirstCache::large>>(rows, cols, depth);
    pairs_of_few_rows_are_multiplied<I8PairWeights<FirstCache::small>>(rows, cols, depth);
    pairs_of_few_rows_are_multiplied<I8PairWeights<FirstCache::large>>(rows, cols, depth);
  }
  for (const auto& [rows, outs, depth] : std::vector<std::array<int64_t, 3>>{
           {1, 1, 1}, {2, 49, 1025}, {7, 50, 100}, {9, 16, 37}, {64, 13, 50}, {65, 70, 301}}) {
    linear<float, float, float>(workers, rows, outs, depth, true);
    linear<bf16, bf16, bf16>(workers, rows, outs, depth, true);
    linear<float, bf16, float>(workers, rows, outs, depth, true);
    linear<bf16, float, float>(workers, rows, outs, depth, true);
    linear<float, int8_t, float>(workers, rows, outs, depth, true);
    linear<bf16, int8_t, bf16>(workers, rows, outs, depth, true);
  }
  a_row_keeps_its_bits<float, float>(53, 601);
  a_row_keeps_its_bits<bf16, bf16>(53, 601);
  a_row_keeps_its_bits<bf16, int8_t>(53, 601);
  return outcome();
}
