// Products of a warpgroup: 64 terms in four steps of 16, both operands with the 128-byte swizzle.
#include "outputs.h"

namespace stylear::cuda {
namespace {

constexpr int terms = 64, steps = 4, rows = 64;

// The forms of the instruction: n, how a lies, how b lies. `along_k` is K-major.
enum class A { registers, along_k, along_m };
template <int n_, A a_, bool b_along_k_>
struct Form {
  static constexpr int n = n_, sums = n / 2;
  static constexpr A a = a_;
  static constexpr bool b_along_k = b_along_k_;
  // Bytes from one block of 64 columns of b to the next where b lies along n.
  static constexpr unsigned block = 64 * terms * 2;
};

template <class F>
__device__ __forceinline__ void multiply(float (&d)[F::sums], const uint16_t* a,
                                         const uint32_t (&fragment)[4], const uint16_t* b, int step,
                                         bool accumulate) {
  const uint64_t of_b = ptx::wgmma_descriptor(b + (F::b_along_k ? 16 * step : 16 * 64 * step),
                                              F::b_along_k ? 0 : F::block, 1024);
  if constexpr (F::a == A::registers) {
    if constexpr (F::n == 64)
      ptx::wgmma_m64n64k16<!F::b_along_k>(d, fragment, of_b, accumulate);
    else
      ptx::wgmma_m64n128k16<!F::b_along_k>(d, fragment, of_b, accumulate);
  } else {
    constexpr bool along_m = F::a == A::along_m;
    const uint64_t of_a = ptx::wgmma_descriptor(a + (along_m ? 16 * 64 * step : 16 * step),
                                                along_m ? F::block : 0, 1024);
    if constexpr (F::n == 64)
      ptx::wgmma_m64n64k16<!F::b_along_k>(d, of_a, of_b, accumulate);
    else
      ptx::wgmma_m64n128k16<along_m, !F::b_along_k>(d, of_a, of_b, accumulate);
  }
}

// `a` and `b` are pictures of shared memory, `fragments` what the registers hold in each step, c
// the accumulators; with `accumulate` false the first step has to forget those.
template <class F>
__global__ void __launch_bounds__(128)
    products(const uint4* a, const uint32_t* fragments, const uint4* b, const float* c,
             bool accumulate, float* to) {
  SharedCarver carve;
  uint4* sa = carve.take<uint4>(rows * terms / 8, 1024);
  uint4* sb = carve.take<uint4>(F::n * terms / 8, 1024);
  const int t = static_cast<int>(threadIdx.x);
  for (int i = t; i < rows * terms / 8; i += 128) sa[i] = a[i];
  for (int i = t; i < F::n * terms / 8; i += 128) sb[i] = b[i];
  uint32_t fragment[steps][4];
  float d[F::sums];
#pragma unroll
  for (int i = 0; i < 4 * steps; ++i)
    fragment[i / 4][i % 4] = fragments[(i / 4 * 128 + t) * 4 + i % 4];
#pragma unroll
  for (int i = 0; i < F::sums; ++i) d[i] = c[t * F::sums + i];
  ptx::fence_proxy_async();
  __syncthreads();

  const auto* of_a = reinterpret_cast<const uint16_t*>(sa);
  const auto* of_b = reinterpret_cast<const uint16_t*>(sb);
  ptx::wgmma_fence();
  multiply<F>(d, of_a, fragment[0], of_b, 0, accumulate);
  multiply<F>(d, of_a, fragment[1], of_b, 1, true);
  ptx::wgmma_commit();
  multiply<F>(d, of_a, fragment[2], of_b, 2, true);
  multiply<F>(d, of_a, fragment[3], of_b, 3, true);
  ptx::wgmma_commit();
  ptx::wgmma_wait<1>();
  ptx::wgmma_wait<0>();
  ptx::wgmma_settle(d);
#pragma unroll
  for (int i = 0; i < F::sums; ++i) to[t * F::sums + i] = d[i];
}

// ---- The layouts of PTX ISA, "Asynchronous Warpgroup Level Matrix Instructions".
// An accumulator: register i of thread t is this element of d.
struct Place {
  int row, column;
};
Place place_of(int t, int i) {
  return {t / 32 * 16 + t % 32 / 4 + i / 2 % 2 * 8, i / 4 * 8 + t % 4 * 2 + i % 2};
}
// A tile with the 128-byte swizzle: lines of 64 elements, of which bits 4 to 6 of the address are
// XORed with the line's number modulo 8. K-major: a line holds 64 terms of one row; M/N-major: 64
// rows of one term, 64 lines to a block, blocks behind each other.
size_t element_place(int row, int term, bool along_k) {
  const int line = along_k ? row : row / 64 * terms + term, at = along_k ? term : row % 64;
  return static_cast<size_t>((line * 128 + at * 2) ^ (line % 8) << 4) / 2;
}

struct Factors {
  std::vector<float> a, b, c;  // [rows, terms], [columns, terms], [rows, columns]
};

template <class F>
std::vector<float> products_of(const Factors& x, bool accumulate) {
  std::vector<uint16_t> a(rows * terms), b(F::n * terms);
  for (int k = 0; k < terms; ++k) {
    for (int i = 0; i < rows; ++i)
      a[element_place(i, k, F::a != A::along_m)] = nearest_bf16(x.a[i * terms + k]);
    for (int j = 0; j < F::n; ++j)
      b[element_place(j, k, F::b_along_k)] = nearest_bf16(x.b[j * terms + k]);
  }
  // Registers hold a as mma_bf16_16816 does, 16 rows to a warp; then the tile must not matter.
  Words fragments;
  for (int step = 0; step < steps; ++step)
    for (int t = 0; t < 128; ++t)
      for (int i = 0; i < 4; ++i) {
        const int row = t / 32 * 16 + t % 32 / 4 + i % 2 * 8, k = step * 16 + t % 4 * 2 + i / 2 * 8;
        fragments.push_back(
            pair_of(nearest_bf16(x.a[row * terms + k]), nearest_bf16(x.a[row * terms + k + 1])));
      }
  if (F::a == A::registers)
    a.assign(a.size(), 0x7fff);
  else
    fragments.assign(fragments.size(), ~0u);
  std::vector<float> c;
  for (int t = 0; t < 128; ++t)
    for (int i = 0; i < F::sums; ++i) {
      const Place at = place_of(t, i);
      c.push_back(accumulate ? x.c[at.row * F::n + at.column] : float_of(one_nan));
    }

  const Shipped<uint16_t> on_a(a), on_b(b);
  const Shipped<uint32_t> on_fragments(fragments);
  const Shipped<float> on_c(c), to(c.size());
  launch(GpuStream{}, products<F>, 1, 128,
         SharedSize().add<uint4>(rows * terms / 8, 1024).add<uint4>(F::n * terms / 8, 1024).bytes(),
         reinterpret_cast<const uint4*>(on_a.get()), on_fragments.get(),
         reinterpret_cast<const uint4*>(on_b.get()), on_c.get(), accumulate, to.get());
  const std::vector<float> registers = to.read();
  std::vector<float> d(registers.size());
  for (int t = 0; t < 128; ++t)
    for (int i = 0; i < F::sums; ++i) {
      const Place at = place_of(t, i);
      d[at.row * F::n + at.column] = registers[t * F::sums + i];
    }
  return d;
}

template <class F>
void form_outputs(Outputs& outputs, const std::string& name) {
  const Names of = {F::n == 64 ? "wgmma_m64n64k16" : "wgmma_m64n128k16",
                    "wgmma_descriptor",
                    "wgmma_fence",
                    "wgmma_commit",
                    "wgmma_wait",
                    "wgmma_settle"};
  Factors integers, random;
  for (uint32_t i = 0; i < rows * terms; ++i) {
    integers.a.push_back(static_cast<float>(noise(i) % 31) - 15);
    random.a.push_back(bf16_value(nearest_bf16(noise_in(-1, 1, 70000 + i))));
  }
  for (uint32_t i = 0; i < F::n * terms; ++i) {
    integers.b.push_back(static_cast<float>(noise(10000 + i) % 29) - 14);
    random.b.push_back(bf16_value(nearest_bf16(noise_in(-1, 1, 80000 + i))));
  }
  for (uint32_t i = 0; i < rows * F::n; ++i) {
    integers.c.push_back(static_cast<float>(noise(20000 + i) % 4001) - 2000);
    random.c.push_back(noise_in(-1, 1, 90000 + i));
  }
  // Element by element: the sum, and the sum of magnitudes.
  const auto sums_of = [](const Factors& x, bool accumulate, auto each) {
    for (int i = 0; i < rows; ++i)
      for (int j = 0; j < F::n; ++j) {
        const double start = accumulate ? x.c[i * F::n + j] : 0;
        double sum = start, magnitude = std::abs(start);
        for (int k = 0; k < terms; ++k) {
          const double term = double{x.a[i * terms + k]} * x.b[j * terms + k];
          sum += term, magnitude += std::abs(term);
        }
        each(sum, magnitude);
      }
  };
  for (const bool accumulate : {false, true}) {
    std::vector<float> expected;
    sums_of(integers, accumulate,
            [&](double sum, double) { expected.push_back(static_cast<float>(sum)); });
    outputs.exact(name + (accumulate ? "/accumulate" : "/integers"), of,
                  value_bits(products_of<F>(integers, accumulate)), value_bits(expected));
  }

  // As for mma_bf16_16816: 65 terms, each of which may drop the last place of the largest partial
  // sum, on either machine. One element in 61 stands for all.
  std::vector<double> sums;
  double largest = 0;
  sums_of(random, true, [&](double sum, double magnitude) {
    sums.push_back(sum), largest = std::max(largest, magnitude);
  });
  const std::vector<float> values = products_of<F>(random, true);
  std::vector<float> some_values;
  std::vector<double> some_sums;
  for (size_t i = 0; i < sums.size(); i += 61)
    some_values.push_back(values[i]), some_sums.push_back(sums[i]);
  outputs.within(0, 2 * 65 * std::ldexp(1.0, std::ilogb(largest) + 1 - 24), name + "/random", of,
                 some_values, some_sums);
}

}  // namespace

void wgmma_outputs(Outputs& outputs) {
  form_outputs<Form<64, A::along_k, true>>(outputs, "wgmma_m64n64k16/a_k,b_k");
  form_outputs<Form<64, A::along_k, false>>(outputs, "wgmma_m64n64k16/a_k,b_n");
  form_outputs<Form<64, A::registers, true>>(outputs, "wgmma_m64n64k16/a_registers,b_k");
  form_outputs<Form<64, A::registers, false>>(outputs, "wgmma_m64n64k16/a_registers,b_n");
  form_outputs<Form<128, A::along_k, true>>(outputs, "wgmma_m64n128k16/a_k,b_k");
  form_outputs<Form<128, A::along_k, false>>(outputs, "wgmma_m64n128k16/a_k,b_n");
  form_outputs<Form<128, A::registers, true>>(outputs, "wgmma_m64n128k16/a_registers,b_k");
  form_outputs<Form<128, A::registers, false>>(outputs, "wgmma_m64n128k16/a_registers,b_n");
  form_outputs<Form<128, A::along_m, true>>(outputs, "wgmma_m64n128k16/a_m,b_k");
  form_outputs<Form<128, A::along_m, false>>(outputs, "wgmma_m64n128k16/a_m,b_n");
}

}  // namespace stylear::cuda
