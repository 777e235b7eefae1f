// Linear of native/cuda against its definition in f64, and a row's bits among any neighbours.
#include <algorithm>

#include "simt_products.h"

using namespace stylear;

namespace {

constexpr Dtype f32 = Dtype::f32, b16 = Dtype::bf16, i8 = Dtype::i8;

double applied(Pointwise function, double x) {
  switch (function) {
    case Pointwise::gelu:
      return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0)));
    case Pointwise::quick_gelu:
      return x / (1 + std::exp(-1.702 * x));
    case Pointwise::silu:
      return x / (1 + std::exp(-x));
    case Pointwise::sigmoid:
      return 1 / (1 + std::exp(-x));
    case Pointwise::log_sigmoid:
      return -std::log1p(std::exp(-x));
    case Pointwise::exp:
      return std::exp(x);
    case Pointwise::log:
      return std::log(x);
    default:
      return x;
  }
}

struct Case {
  int rows, outs, in;
  Dtype x, weight, y;
  int rank;      // 0: no side
  bool dressed;  // bias and residual
  Pointwise function;
  int skew;
};

Linear linear_of(const Case& c, const Array& x, const Array& weight, const Array& scale,
                 const Array& bias, const Array& side, const Array& side_weight, const Array& y) {
  Linear op{x, weight, {}, {}, {}, {}, {}, y, c.function};
  if (c.weight == i8) op.scale = scale;
  if (c.dressed) op.bias = bias, op.residual = y;
  if (c.rank) op.side = side, op.side_weight = side_weight;
  return op;
}

void test_definition(const Case& c) {
  const int rank = std::max(c.rank, 1);
  Array x(c.x, {c.rows, c.in}, c.skew), weight(c.weight, {c.outs, c.in}, c.skew),
      scale(f32, {c.outs});
  Array bias(c.x, {c.outs}), side(f32, {c.rows, rank}), side_weight(b16, {rank, c.outs});
  Array y(c.y, {c.rows, c.outs});
  x.random(1), weight.random(2), scale.random(3, 0.01), bias.random(4), side.random(5);
  side_weight.random(6), y.random(7);
  std::vector<double> expected(c.rows * c.outs);
  for (int r = 0; r < c.rows; ++r)
    for (int o = 0; o < c.outs; ++o) {
      double v = 0;
      for (int i = 0; i < c.in; ++i) v += x[r * c.in + i] * weight[o * c.in + i];
      if (c.weight == i8) v *= scale[o];
      for (int k = 0; k < c.rank; ++k) v += side[r * rank + k] * side_weight[k * c.outs + o];
      if (c.dressed) v += bias[o];
      v = applied(c.function, v);
      if (c.dressed) v += y[r * c.outs + o];
      expected[r * c.outs + o] = v;
    }
  run_checked(linear_of(c, x, weight, scale, bias, side, side_weight, y));
  char what[200];
  std::snprintf(what, sizeof what, "linear %d rows, %d to %d, %s %s %s rank %d skew %d", c.rows,
                c.in, c.outs, name_of(c.x), name_of(c.weight), name_of(c.y), c.rank, c.skew);
  expect_close(what, y, expected, 4, c.in);
}

void test_definitions() {
  int turn = 0;
  for (const Dtype x : {b16, f32})
    for (const Dtype weight : {b16, f32, i8})
      for (const int rows : {1, 2, 3, 5, 8, 9, 16, 17, 33, 64, 65, 131})
        for (const auto& [outs, in] :
             {std::pair{1, 1}, std::pair{37, 61}, std::pair{48, 144}, std::pair{33, 640}}) {
          if (rows > 9 && in == 640 && rows % 16) continue;
          ++turn;
          const Dtype y = turn % 2 ? x : f32;
          const auto function = static_cast<Pointwise>(turn % 6);
          test_definition(
              {rows, outs, in, x, weight, y, turn % 3 * 5, turn % 5 > 1, function, turn % 7 == 0});
        }
  test_definition({130, 128 * 67, 16, b16, b16, b16, 0, true, Pointwise::silu, 0});
  test_definition({4, 70, 1100, b16, b16, b16, 64, true, Pointwise::none, 0});
}

// Each row's bits, computed alone, among other numbers of rows, elsewhere and from odd addresses.
void test_rows(Dtype x_type, Dtype weight_type, int in) {
  const int outs = 40;
  const Case c{64, outs, in, x_type, weight_type, f32, 6, true, Pointwise::gelu, 0};
  Array x(x_type, {64, in}), weight(weight_type, {outs, in}), scale(f32, {outs}),
      bias(x_type, {outs});
  Array side(f32, {64, 6}), side_weight(b16, {6, outs}), y(f32, {64, outs});
  x.random(1), weight.random(2), scale.random(3, 0.01), bias.random(4), side.random(5);
  side_weight.random(6), y.random(7);
  const std::vector<double> residual = y.values();
  run_checked(linear_of(c, x, weight, scale, bias, side, side_weight, y));
  for (const auto& [first, rows, skew] :
       {std::tuple{0, 1, 0}, std::tuple{63, 1, 0}, std::tuple{5, 2, 0}, std::tuple{3, 4, 0},
        std::tuple{9, 7, 0}, std::tuple{1, 8, 0}, std::tuple{40, 9, 0}, std::tuple{17, 16, 0},
        std::tuple{11, 31, 0}, std::tuple{1, 33, 0}, std::tuple{2, 3, 1}, std::tuple{0, 64, 1},
        std::tuple{30, 20, 1}}) {
    Array part(x_type, {rows, in}, skew), part_side(f32, {rows, 6}), part_y(f32, {rows, outs});
    for (int i = 0; i < rows * in; ++i) part.set(i, x[first * in + i]);
    for (int i = 0; i < rows * 6; ++i) part_side.set(i, side[first * 6 + i]);
    for (int i = 0; i < rows * outs; ++i) part_y.set(i, residual[first * outs + i]);
    run_checked(linear_of(c, part, weight, scale, bias, part_side, side_weight, part_y));
    if (std::memcmp(part_y.view.data, static_cast<float*>(y.view.data) + first * outs,
                    rows * outs * 4) == 0)
      continue;
    ++failures;
    std::printf("FAIL linear %s %s in %d: rows %d to %d at skew %d differ from those among 64\n",
                name_of(x_type), name_of(weight_type), in, first, first + rows, skew);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const bool all = argc < 2;
  const auto wants = [&](const char* name) { return all || !std::strcmp(argv[1], name); };
  if (wants("definition")) test_definitions();
  if (wants("rows"))
    for (const Dtype x : {b16, f32})
      for (const Dtype weight : {b16, f32, i8})
        for (const int in : {1, 77, 208, 1360}) test_rows(x, weight, in);
  return outcome();
}
