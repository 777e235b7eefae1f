// The vector type of kernels: conversions, parts of vectors, sums, and the functions on it against
// <cmath> in float64, in units of the last place.
#include <array>
#include <bit>
#include <cmath>
#include <limits>

#include "cpu/simd_math.h"
#include "cpu/transpose.h"
#include "expect.h"

using namespace stylear;
using namespace stylear::cpu;

namespace {

std::array<float, lanes> counting() {
  std::array<float, lanes> values;
  for (int i = 0; i < lanes; ++i) values[static_cast<size_t>(i)] = static_cast<float>(i + 1);
  return values;
}

void parts_touch_nothing_else() {
  const auto values = counting();
  for (int count = 0; count <= lanes; ++count) {
    const float expected = static_cast<float>(count * (count + 1) / 2);
    EXPECT(sum(load(values.data(), count)) == expected);
    std::array<float, lanes + 1> f32{};
    store(f32.data(), load(values.data()), count);
    std::array<bf16, lanes + 1> halves{};
    store(halves.data(), load(values.data()), count);
    EXPECT(sum(load(halves.data(), count)) == expected);
    std::array<int8_t, lanes> bytes{};
    for (int i = 0; i < count; ++i) bytes[static_cast<size_t>(i)] = static_cast<int8_t>(-i - 1);
    EXPECT(sum(load(bytes.data(), count)) == -expected);
    for (size_t i = static_cast<size_t>(count); i <= lanes; ++i)
      EXPECT(f32[i] == 0 && halves[i].bits == 0);
  }
}

void narrowing_rounds_to_even() {
  for (uint32_t i = 0; i < 200000; ++i) {
    const auto value = std::bit_cast<float>(i * 21473u + 77u);
    EXPECT(narrow(splat(value))[lanes - 1] == bf16(value).bits);
  }
}

void sums_are_the_same_together() {
  Floats rows[lanes];
  float alone[lanes];
  for (int i = 0; i < lanes; ++i) {
    for (int j = 0; j < lanes; ++j) rows[i][j] = static_cast<float>(1.0 / (1 + 3 * i + j));
    alone[i] = sum(rows[i]);
  }
  const Floats together = sum_each(rows);
  for (int i = 0; i < lanes; ++i) EXPECT(together[i] == alone[i]);
}

template <class F, class Reference>
void is_within(double units, double from, double to, F&& f, Reference&& reference) {
  constexpr int steps = 20000;
  for (int i = 0; i <= steps; ++i) {
    const auto x = static_cast<float>(from + (to - from) * i / steps);
    const double expected = reference(static_cast<double>(x));
    int exponent;
    std::frexp(expected, &exponent);
    const double unit = std::ldexp(1.0, std::max(exponent - 24, -149));
    EXPECT(std::abs(f(splat(x))[0] - expected) <= units * unit);
  }
}

void functions_are_accurate() {
  const double root = std::sqrt(0.5);
  is_within(
      1.2, -103, 88.7, [](Floats x) { return exp(x); }, [](double x) { return std::exp(x); });
  is_within(
      1, 1e-38, 1e-36, [](Floats x) { return log(x); }, [](double x) { return std::log(x); });
  is_within(
      1, 0.1, 3, [](Floats x) { return log(x); }, [](double x) { return std::log(x); });
  is_within(
      2.5, -5, 5, [](Floats x) { return erf(x); }, [](double x) { return std::erf(x); });
  is_within(
      2.5, -80, 80, [](Floats x) { return sigmoid(x); },
      [](double x) { return 1 / (1 + std::exp(-x)); });
  is_within(
      70, -12, 12, [](Floats x) { return normal_cdf(x); },
      [&](double x) { return 0.5 * std::erfc(-x * root); });
  is_within(
      2, -80, 80, [](Floats x) { return apply<Pointwise::log_sigmoid>(x); },
      [](double x) { return x < 0 ? x - std::log1p(std::exp(x)) : -std::log1p(std::exp(-x)); });
}

void infinities_and_nan_are_right() {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  EXPECT(exp(splat(infinity))[0] == infinity && exp(splat(-infinity))[0] == 0);
  EXPECT(exp(splat(89.5f))[0] == infinity && exp(splat(-105.0f))[0] == 0);
  EXPECT(log(splat(0.0f))[0] == -infinity && log(splat(infinity))[0] == infinity);
  EXPECT(std::isnan(log(splat(-1.0f))[0]));
  EXPECT(erf(splat(infinity))[0] == 1 && erf(splat(-infinity))[0] == -1);
  EXPECT(sigmoid(splat(infinity))[0] == 1 && sigmoid(splat(-infinity))[0] == 0);
  const Floats nan = splat(std::numeric_limits<float>::quiet_NaN());
  for (const Floats v : {exp(nan), log(nan), erf(nan), normal_cdf(nan), sigmoid(nan)})
    EXPECT(std::isnan(v[0]));
}

}  // namespace

int main() {
  parts_touch_nothing_else();
  narrowing_rounds_to_even();
  sums_are_the_same_together();
  functions_are_accurate();
  infinities_and_nan_are_right();
  return outcome();
}
