// Functions that are approximate on a GPU. What a unit in the last place is worth is stated in the
// tables of the CUDA C++ Programming Guide, "Mathematical Functions"; the allowance is that, and
// one for the emulation, whose functions are those of the C library.
#include "outputs.h"

namespace stylear::cuda {
namespace {

enum class Function {
  exp2_approx,
  fast_exp,
  fast_log,
  fast_divide,
  exp,
  log,
  log1p,
  pow,
  rsqrt,
  normcdf,
  sinpi,
  cospi,
  sin,
  cos
};

// Functions of one number; those of two have 1.75 beside it.
__global__ void function(Function which, const float* from, float* to) {
  const float x = from[threadIdx.x];
  float y = 0, other;
  switch (which) {
    case Function::exp2_approx:
      y = ptx::exp2_approx(x);
      break;
    case Function::fast_exp:
      y = __expf(x);
      break;
    case Function::fast_log:
      y = __logf(x);
      break;
    case Function::fast_divide:
      y = __fdividef(x, 1.75f);
      break;
    case Function::exp:
      y = expf(x);
      break;
    case Function::log:
      y = logf(x);
      break;
    case Function::log1p:
      y = log1pf(x);
      break;
    case Function::pow:
      y = powf(x, 1.75f);
      break;
    case Function::rsqrt:
      y = rsqrtf(x);
      break;
    case Function::normcdf:
      y = normcdff(x);
      break;
    case Function::sinpi:
      sincospif(x, &y, &other);
      break;
    case Function::cospi:
      sincospif(x, &other, &y);
      break;
    case Function::sin:
      sincosf(x, &y, &other);
      break;
    case Function::cos:
      sincosf(x, &other, &y);
      break;
  }
  to[threadIdx.x] = y;
}

std::vector<float> values(Function which, const std::vector<float>& from) {
  const Shipped<float> source(from), to(from.size());
  launch(GpuStream{}, function, 1, static_cast<unsigned>(from.size()), 0, which, source.get(),
         to.get());
  return to.read();
}

constexpr double pi = 3.14159265358979323846;

// sin(pi x), of which a float x has exact zeros and a period of 2.
double sine_of_half_turns(double x) {
  const double turn = std::remainder(x, 2.0);  // in [-1, 1], with the sign of x where it is 0
  if (std::abs(turn) == 1) return std::copysign(0.0, x);
  return std::sin(pi * turn);
}

struct Approximation {
  Function which;
  const char *name, *of;
  double (*exact)(double x);
  double units, absolute;
  double lo, hi;
};

// exp2_approx: relative error 2^-22 (PTX ISA, ex2.approx), which is four units for significands
// near 2.
// __expf: 2 + floor(1.173 |x|) units. __logf: 2^-21.41 in [0.5, 2], 3 units outside.
const Approximation approximations[] = {
    {Function::exp2_approx, "exp2_approx", "exp2_approx", [](double x) { return std::exp2(x); }, 5,
     0, -126, 16},
    {Function::fast_exp, "__expf", "__expf", [](double x) { return std::exp(x); }, 12, 0, -8, 8},
    {Function::fast_log, "__logf", "__logf", [](double x) { return std::log(x); }, 4, 0x1p-21, 0.25,
     64},
    {Function::fast_divide, "__fdividef", "__fdividef", [](double x) { return x / 1.75; }, 3, 0,
     -64, 64},
    {Function::exp, "expf", "expf", [](double x) { return std::exp(x); }, 3, 0, -100, 88},
    {Function::log, "logf", "logf", [](double x) { return std::log(x); }, 2, 0, 0, 4},
    {Function::log1p, "log1pf", "log1pf", [](double x) { return std::log1p(x); }, 2, 0, -1, 7},
    {Function::pow, "powf", "powf", [](double x) { return std::pow(x, 1.75); }, 5, 0, 0, 1024},
    {Function::rsqrt, "rsqrtf", "rsqrtf", [](double x) { return 1 / std::sqrt(x); }, 3, 0, 0, 16},
    {Function::normcdf, "normcdff", "normcdff",
     [](double x) { return 0.5 * std::erfc(-x * 0.70710678118654752440); }, 6, 0, -8, 8},
    {Function::sinpi, "sincospif/sine", "sincospif", sine_of_half_turns, 2, 0, -4, 4},
    {Function::cospi, "sincospif/cosine", "sincospif",
     [](double x) { return sine_of_half_turns(0.5 + std::abs(x)); }, 2, 0, -4, 4},
    {Function::sin, "sincosf/sine", "sincosf", [](double x) { return std::sin(x); }, 3, 0, -1024,
     1024},
    {Function::cos, "sincosf/cosine", "sincosf", [](double x) { return std::cos(x); }, 3, 0, -1024,
     1024},
};

}  // namespace

void math_outputs(Outputs& outputs) {
  const float infinity = std::numeric_limits<float>::infinity();
  for (const Approximation& f : approximations) {
    std::vector<float> from;
    std::vector<double> expected;
    for (uint32_t i = 0; i < 64; ++i) {
      from.push_back(noise_in(f.lo, f.hi, 1000 * static_cast<uint32_t>(f.which) + i));
      expected.push_back(f.exact(from[i]));
    }
    outputs.within(f.units, f.absolute, f.name, {f.of}, values(f.which, from), expected);

    // What comes of these is no approximation.
    const std::vector<float> special = {0.f, -0.f, infinity, -infinity, float_of(one_nan)};
    std::vector<float> of_special;
    for (const float x : special) of_special.push_back(static_cast<float>(f.exact(x)));
    outputs.exact(std::string(f.name) + "/special", {f.of}, value_bits(values(f.which, special)),
                  value_bits(of_special));
  }
  // Where 2^x is subnormal it is zero; a subnormal x counts as zero.
  outputs.exact("exp2_approx/subnormal", {"exp2_approx"},
                value_bits(values(Function::exp2_approx,
                                  {-126.5f, -127.f, -140.25f, -149.f, -150.f, -1e9f, 0x1p-130f})),
                {0, 0, 0, 0, 0, 0, bits_of(1)});
  // Halves of a half turn are exact; the zeros of the cosine may have either sign.
  const std::vector<float> halves = {0.5f,  1,  1.5f,  2,  2.5f, 3,
                                     -0.5f, -1, -1.5f, -2, 1e6f, 16777215.f};
  std::vector<float> cosines = values(Function::cospi, halves), sines, expected;
  for (float& cosine : cosines) cosine += 0.f;
  for (const float x : halves) {
    sines.push_back(static_cast<float>(sine_of_half_turns(x)));
    expected.push_back(static_cast<float>(sine_of_half_turns(0.5 + std::abs(x))));
  }
  outputs.exact("sincospif/sine/halves", {"sincospif"}, value_bits(values(Function::sinpi, halves)),
                value_bits(sines));
  outputs.exact("sincospif/cosine/halves", {"sincospif"}, value_bits(cosines),
                value_bits(expected));
}

}  // namespace stylear::cuda
