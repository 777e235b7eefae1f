// bf16, bits, and the functions that round as IEEE 754 says: exact on every machine.
#include "outputs.h"

namespace stylear::cuda {
namespace {

// Every kind of f32: zeros, infinities, NaNs, ties of bf16 and what lies beside them, the largest
// numbers, subnormals, and noise.
std::vector<float> kinds_of_float() {
  Words words;
  for (const uint32_t v :
       {0x00000000u, 0x3f800000u, 0x3f808000u, 0x3f808001u, 0x3f807fffu, 0x3f818000u, 0x3f818001u,
        0x3f817fffu, 0x7f7fffffu, 0x7f7f8000u, 0x7f7f7fffu, 0x7f7f0000u, 0x7f800000u, 0x7f800001u,
        0x7fc00000u, 0x7fffffffu, 0x7fa5a5a5u, 0x00000001u, 0x00007fffu, 0x00008000u, 0x00008001u,
        0x00018000u, 0x007f8000u, 0x007fffffu, 0x00800000u, 0x00808000u, 0x4b7fffffu, 0x3effffffu})
    words.push_back(v), words.push_back(v | 0x80000000u);
  for (uint32_t i = 0; words.size() < 96; ++i) words.push_back(noise(i));
  std::vector<float> values;
  for (const uint32_t word : words) values.push_back(float_of(word));
  return values;
}

__global__ void roundings(const float* from, uint32_t* to) {
  const int i = static_cast<int>(threadIdx.x);
  const float v = from[i];
  const bf16 rounded = from_float<bf16>(v), again = __float2bfloat16_rn(v);
  uint16_t bits[2];
  memcpy(bits, &rounded, 2);
  memcpy(bits + 1, &again, 2);
  uint32_t* o = to + i * 6;
  const uint32_t pair = pack_bf16(v, from[95 - i]);
  o[0] = bits[0], o[1] = bits[1], o[2] = pair;
  o[3] = __float_as_uint(rounded_to<bf16>(v));
  o[4] = __float_as_uint(bf16_lo(pair)), o[5] = __float_as_uint(bf16_hi(pair));
}

void rounding_output(Outputs& outputs) {
  const std::vector<float> from = kinds_of_float();
  const Shipped<float> source(from);
  const Shipped<uint32_t> to(6 * 96);
  launch(GpuStream{}, roundings, 1, 96, 0, source.get(), to.get());
  Words expected;
  for (int i = 0; i < 96; ++i) {
    const uint16_t near = nearest_bf16(from[i]), other = nearest_bf16(from[95 - i]);
    const uint32_t wide = uint32_t{near} << 16;
    for (const uint32_t word :
         {uint32_t{near}, uint32_t{near}, pair_of(near, other), wide, wide, uint32_t{other} << 16})
      expected.push_back(word);
  }
  outputs.exact("roundings",
                {"from_float", "__float2bfloat16_rn", "__floats2bfloat162_rn", "pack_bf16",
                 "rounded_to", "to_float", "__bfloat162float", "bf16_lo", "bf16_hi"},
                to.read(), expected);
}

// Bits in, and out again: 16 or 32 of them.
template <class T, int n>
__global__ void vectors(const T* from, T* to, float* wide) {
  float v[n];
  const int at = static_cast<int>(threadIdx.x) * n;
  load<n>(from + at, v);
  store<n>(to + at, v);
  store<n>(wide + at, v);
}

template <class Bits, class T, int n>
void vector_output(Outputs& outputs, const std::string& name) {
  std::vector<Bits> from;
  for (uint32_t i = 0; i < 4 * n; ++i)
    from.push_back(static_cast<Bits>(bits_of(noise_in(-9, 9, i)) >> (32 - 8 * sizeof(Bits))));
  const Shipped<Bits> source(from), to(4 * n);
  const Shipped<float> wide(4 * n);
  launch(GpuStream{}, vectors<T, n>, 1, 4, 0, reinterpret_cast<const T*>(source.get()),
         reinterpret_cast<T*>(to.get()), wide.get());
  Words words, expected;
  for (const Bits v : to.read()) words.push_back(v);
  for (const float v : wide.read()) words.push_back(bits_of(v));
  for (const Bits v : from) expected.push_back(v);
  for (const Bits v : from) expected.push_back(uint32_t{v} << (32 - 8 * sizeof(Bits)));
  outputs.exact(name, {"load", "store"}, words, expected);
}

constexpr int bit_functions = 15;

__global__ void bits(const uint32_t* from, uint32_t* to) {
  const uint32_t a = from[threadIdx.x], b = from[63 - threadIdx.x];
  const int ia = static_cast<int>(a), ib = static_cast<int>(b);
  const long long wide = static_cast<long long>(a) << 17;
  uint32_t* o = to + threadIdx.x * bit_functions;
  o[0] = static_cast<uint32_t>(__popc(a));
  o[1] = static_cast<uint32_t>(__popcll(static_cast<unsigned long long>(wide)));
  o[2] = static_cast<uint32_t>(__clz(ia));
  o[3] = static_cast<uint32_t>(__clzll(wide));
  o[4] = static_cast<uint32_t>(__ffs(ia));
  o[5] = __brev(a);
  o[6] = __umulhi(a, b);
  o[7] = __byte_perm(a, b, b & 0x7777u);
  o[8] = static_cast<uint32_t>(__dp4a(ia, ib, 1000));
  o[9] = __float_as_uint(__int2float_rn(ia));
  o[10] = static_cast<uint32_t>(__float2int_rn(__uint_as_float(a)));
  o[11] = static_cast<uint32_t>(__float_as_int(__int_as_float(ia)));
  o[12] = min(a, ib), o[13] = max(a, ib);
  o[14] = static_cast<uint32_t>(max(ia, ib));
}

void bit_output(Outputs& outputs) {
  Words from = {0, 1, 0x80000000u, ~0u, 0x00010000u, 0x7f808080u, 0x01ff807fu};
  for (const float v : {0.5f, 1.5f, 2.5f, -0.5f, -1.5f, -2.5f, 1e9f, 2147483520.f, -2147483648.f,
                        3e9f, -3e9f, 0.49999997f, 8388609.f})
    from.push_back(bits_of(v));
  for (const uint32_t v : {0x7f800000u, 0xff800000u, 0x7fc00000u}) from.push_back(v);
  for (uint32_t i = 0; from.size() < 64; ++i) from.push_back(noise(i) >> i % 23);
  const Shipped<uint32_t> source(from), to(64 * bit_functions);
  launch(GpuStream{}, bits, 1, 64, 0, source.get(), to.get());
  Words expected;
  for (int i = 0; i < 64; ++i) {
    const uint32_t a = from[i], b = from[63 - i];
    uint32_t ones = 0, lowest = 0, highest = 0, reversed = 0, bytes = 0;
    int dot = 1000;
    for (uint32_t bit = 0; bit < 32; ++bit) {
      const bool set = a >> bit & 1;
      ones += set, reversed |= uint32_t{set} << (31 - bit);
      if (set && !lowest) lowest = bit + 1;
      if (set) highest = bit + 1;
    }
    const uint64_t both = uint64_t{b} << 32 | a;
    for (int byte = 0; byte < 4; ++byte) {
      bytes |= static_cast<uint32_t>(both >> 8 * (b >> 4 * byte & 7) & 0xff) << 8 * byte;
      dot += static_cast<int8_t>(a >> 8 * byte) * static_cast<int8_t>(b >> 8 * byte);
    }
    // Conversions clamp, and NaN is zero.
    const double v = float_of(a);
    const double near = v != v ? 0 : std::clamp(std::nearbyint(v), -2147483648.0, 2147483647.0);
    for (const uint32_t word :
         {ones, ones, 32 - highest, highest ? 64 - highest - 17 : 64, lowest, reversed,
          static_cast<uint32_t>(uint64_t{a} * b >> 32), bytes, static_cast<uint32_t>(dot),
          bits_of(static_cast<float>(static_cast<int>(a))),
          static_cast<uint32_t>(static_cast<int>(near)), a, std::min(a, b), std::max(a, b),
          static_cast<uint32_t>(std::max(static_cast<int>(a), static_cast<int>(b)))})
      expected.push_back(word);
  }
  outputs.exact("bits",
                {"__popc", "__popcll", "__clz", "__clzll", "__ffs", "__brev", "__umulhi",
                 "__byte_perm", "__dp4a", "__int2float_rn", "__float2int_rn", "__float_as_int",
                 "__int_as_float", "__float_as_uint", "__uint_as_float", "min", "max"},
                to.read(), expected);
}

constexpr int rounded_functions = 12;

__global__ void rounded(const float* from, float* to) {
  const float x = from[threadIdx.x], y = from[95 - threadIdx.x];
  float* o = to + threadIdx.x * rounded_functions;
  o[0] = __fadd_rn(__fmul_rn(x, y), 1.25f);  // not fused
  o[1] = fmaf(x, y, 1.25f);
  o[2] = x / y;
  o[3] = __frcp_rn(x);
  o[4] = sqrtf(x);
  o[5] = __saturatef(x);
  o[6] = rintf(x);
  o[7] = floorf(x);
  o[8] = fabsf(x);
  o[9] = fmaxf(x, y);
  o[10] = fminf(x, y);
  o[11] = x * y;
}

// A volatile product is not fused with a sum, whatever the host compiler may.
float product_of(float x, float y) {
  const volatile float product = x * y;
  return product;
}

void rounded_output(Outputs& outputs) {
  // A GPU knows no signalling NaN; the functions of the C library may.
  std::vector<float> from = kinds_of_float();
  for (float& v : from) v = float_of(value_bits(v));
  const Shipped<float> source(from), to(96 * rounded_functions);
  launch(GpuStream{}, rounded, 1, 96, 0, source.get(), to.get());
  std::vector<float> got = to.read(), expected;
  for (int i = 0; i < 96; ++i) {
    const float x = from[i], y = from[95 - i];
    // Quotients and roots of f32 that are made in f64 and rounded again are those rounded once.
    // With NaN, the greater and the lesser are the other operand.
    const float most = x != x ? y : y != y ? x : x > y ? x : y;
    const float least = x != x ? y : y != y ? x : x < y ? x : y;
    for (const float v :
         {product_of(x, y) + 1.25f, std::fma(x, y, 1.25f), static_cast<float>(double{x} / y),
          static_cast<float>(1 / double{x}), static_cast<float>(std::sqrt(double{x})),
          x > 0 ? std::fmin(x, 1.f) : 0.f, std::nearbyint(x), std::floor(x), std::abs(x), most,
          least, product_of(x, y)})
      expected.push_back(v);
  }
  outputs.exact("rounded",
                {"__fadd_rn", "__fmul_rn", "fmaf", "__frcp_rn", "sqrtf", "__saturatef", "rintf",
                 "floorf", "fabsf", "fmaxf", "fminf"},
                value_bits(got), value_bits(expected));
}

}  // namespace

void number_outputs(Outputs& outputs) {
  rounding_output(outputs);
  vector_output<uint32_t, float, 1>(outputs, "load/f32, 1");
  vector_output<uint32_t, float, 4>(outputs, "load/f32, 4");
  vector_output<uint32_t, float, 8>(outputs, "load/f32, 8");
  vector_output<uint16_t, bf16, 1>(outputs, "load/bf16, 1");
  vector_output<uint16_t, bf16, 4>(outputs, "load/bf16, 4");
  vector_output<uint16_t, bf16, 8>(outputs, "load/bf16, 8");
  bit_output(outputs);
  rounded_output(outputs);
}

}  // namespace stylear::cuda
