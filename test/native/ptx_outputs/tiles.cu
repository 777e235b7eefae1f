// cp.async, ldmatrix, mma.sync, named barriers.
#include "outputs.h"

namespace stylear::cuda {
namespace {

constexpr uint32_t stale = 0xdeadbeefu;

// Lane l copies 16, 8 and 4 bytes; those with l % 3 == 1 are not valid, and their source is the end
// of the allocation.
__global__ void copies(const uint32_t* from, int count, uint32_t* to) {
  SHARED_ARRAY(uint4, by16, 32);
  SHARED_ARRAY(uint2, by8, 32);
  SHARED_ARRAY(uint32_t, by4, 32);
  const int lane = static_cast<int>(threadIdx.x);
  const bool valid = lane % 3 != 1;
  by16[lane] = make_uint4(stale, stale, stale, stale);
  by8[lane] = make_uint2(stale, stale);
  by4[lane] = stale;
  __syncthreads();
  ptx::cp_async_16(by16 + lane, valid ? from + 4 * lane : from + count, valid);
  ptx::cp_async<8>(by8 + lane, valid ? from + 128 + 2 * lane : from + count, valid);
  ptx::cp_async<4>(by4 + lane, valid ? from + 192 + lane : from + count, valid);
  ptx::cp_async_commit();
  ptx::cp_async_wait<0>();
  __syncthreads();
  const int other = 31 - lane;
  const uint4 x = by16[other];
  const uint2 y = by8[other];
  to[4 * other] = x.x, to[4 * other + 1] = x.y, to[4 * other + 2] = x.z, to[4 * other + 3] = x.w;
  to[128 + 2 * other] = y.x, to[128 + 2 * other + 1] = y.y;
  to[192 + other] = by4[other];
}

// Four groups, of which the oldest three are read as soon as they are complete; the last is empty.
__global__ void groups(const uint32_t* from, uint32_t* to) {
  SHARED_ARRAY(uint32_t, s, 96);
  const int lane = static_cast<int>(threadIdx.x);
  for (int group = 0; group < 3; ++group) {
    ptx::cp_async<4>(s + 32 * group + lane, from + 32 * group + lane);
    ptx::cp_async_commit();
  }
  ptx::cp_async_commit();
  ptx::cp_async_wait<3>();
  __syncthreads();
  to[lane] = s[31 - lane];
  ptx::cp_async_wait<2>();
  __syncthreads();
  to[32 + lane] = s[63 - lane];
  ptx::cp_async_wait<1>();
  __syncthreads();
  to[64 + lane] = s[95 - lane];
}

void copy_outputs(Outputs& outputs) {
  Words from;
  for (uint32_t i = 0; i < 224; ++i) from.push_back(noise(i));
  const Shipped<uint32_t> source(from), to(224);
  launch(GpuStream{}, copies, 1, 32, 0, source.get(), 224, to.get());
  const Words got = to.read();
  const auto part = [&](const std::string& name, const Names& of, int first, int each) {
    Words words, expected;
    for (int i = 0; i < 32 * each; ++i) {
      words.push_back(got[first + i]);
      expected.push_back(i / each % 3 != 1 ? from[first + i] : 0);
    }
    outputs.exact(name, of, words, expected);
  };
  part("cp_async_16", {"cp_async_16"}, 0, 4);
  part("cp_async<8>", {"cp_async"}, 128, 2);
  part("cp_async<4>", {"cp_async"}, 192, 1);

  const Shipped<uint32_t> of_groups(96);
  launch(GpuStream{}, groups, 1, 32, 0, source.get(), of_groups.get());
  Words expected;
  for (int i = 0; i < 96; ++i) expected.push_back(from[i / 32 * 32 + 31 - i % 32]);
  outputs.exact("cp_async_wait", {"cp_async_commit", "cp_async_wait"}, of_groups.read(), expected);
}

// Rows of 8 elements lie 24 elements apart. Matrix m's row j is row 5 * (8 * m + j) % 32 of them;
// the lanes whose address does not count give that of the last row.
constexpr int line = 24;
__host__ __device__ constexpr int row_of_lane(int lane) { return 5 * lane % 32; }

template <int count, bool transposed>
__global__ void matrices(const uint16_t* from, uint32_t* to) {
  SHARED_ARRAY(uint4, rows, 32 * line / 8);
  const int lane = static_cast<int>(threadIdx.x);
  auto* s = reinterpret_cast<uint16_t*>(rows);
  for (int i = lane; i < 32 * line; i += 32) s[i] = from[i];
  __syncthreads();
  const uint16_t* row = s + (lane < 8 * count ? row_of_lane(lane) : 31) * line;
  uint32_t r[count];
  if constexpr (count == 4 && transposed)
    ptx::ldmatrix_x4_trans(r, row);
  else if constexpr (count == 4)
    ptx::ldmatrix_x4(r, row);
  else if constexpr (transposed)
    ptx::ldmatrix_x2_trans(r, row);
  else
    ptx::ldmatrix_x2(r, row);
  for (int m = 0; m < count; ++m) to[lane * count + m] = r[m];
}

template <int count, bool transposed>
void matrix_output(Outputs& outputs, const std::string& name) {
  std::vector<uint16_t> from;
  for (uint32_t i = 0; i < 32 * line; ++i) from.push_back(static_cast<uint16_t>(noise(i)));
  const Shipped<uint16_t> source(from);
  const Shipped<uint32_t> to(32 * count);
  launch(GpuStream{}, matrices<count, transposed>, 1, 32, 0, source.get(), to.get());
  // Register m of lane l: elements 2 * (l % 4) and the next of row l / 4 of matrix m, or of column
  // l / 4 where it is transposed.
  Words expected;
  for (int lane = 0; lane < 32; ++lane)
    for (int m = 0; m < count; ++m) {
      const auto element = [&](int i, int j) {
        if (transposed) std::swap(i, j);
        return from[row_of_lane(8 * m + i) * line + j];
      };
      const int i = lane / 4, j = lane % 4 * 2;
      expected.push_back(pair_of(element(i, j), element(i, j + 1)));
    }
  outputs.exact(name, {name}, to.read(), expected);
}

// One product of fragments that the host has laid out.
__global__ void product(const uint32_t* a, const uint32_t* b, const float* c, float* to) {
  const int lane = static_cast<int>(threadIdx.x);
  uint32_t fa[4], fb[2];
  float d[4];
  for (int i = 0; i < 4; ++i) fa[i] = a[lane * 4 + i], d[i] = c[lane * 4 + i];
  for (int i = 0; i < 2; ++i) fb[i] = b[lane * 2 + i];
  ptx::mma_bf16_16816(d, fa, fb);
  for (int i = 0; i < 4; ++i) to[lane * 4 + i] = d[i];
}

struct Operands {
  float a[16][16] = {}, b[16][8] = {}, c[16][8] = {};
};

// The fragments of PTX ISA, "Matrix Fragments for mma.m16n8k16 with floating point type". With
// group = lane / 4 and t = lane % 4, element i of a fragment is
//   a: row group + 8 * (i is 2, 3, 6, 7), column 2 * t + i % 2 + 8 * (i >= 4)
//   b: row 2 * t + i % 2 + 8 * (i >= 2), column group
//   c: row group + 8 * (i >= 2), column 2 * t + i % 2
std::vector<float> mma_sums(const Operands& x) {
  Words a, b;
  std::vector<float> c;
  const auto of_c = [](int lane, int i) {
    return std::pair{lane / 4 + (i >= 2 ? 8 : 0), lane % 4 * 2 + i % 2};
  };
  for (int lane = 0; lane < 32; ++lane) {
    const int group = lane / 4, t = lane % 4;
    for (int i = 0; i < 8; i += 2) {
      const int row = group + (i / 2 % 2 ? 8 : 0), column = 2 * t + (i >= 4 ? 8 : 0);
      a.push_back(pair_of(nearest_bf16(x.a[row][column]), nearest_bf16(x.a[row][column + 1])));
    }
    for (int i = 0; i < 4; i += 2) {
      const int row = 2 * t + (i >= 2 ? 8 : 0);
      b.push_back(pair_of(nearest_bf16(x.b[row][group]), nearest_bf16(x.b[row + 1][group])));
    }
    for (int i = 0; i < 4; ++i) {
      const auto [row, column] = of_c(lane, i);
      c.push_back(x.c[row][column]);
    }
  }
  const Shipped<uint32_t> on_a(a), on_b(b);
  const Shipped<float> on_c(c), to(128);
  launch(GpuStream{}, product, 1, 32, 0, on_a.get(), on_b.get(), on_c.get(), to.get());
  const std::vector<float> fragments = to.read();
  std::vector<float> sums(128);
  for (int lane = 0; lane < 32; ++lane)
    for (int i = 0; i < 4; ++i) {
      const auto [row, column] = of_c(lane, i);
      sums[row * 8 + column] = fragments[lane * 4 + i];
    }
  return sums;
}

std::vector<double> sums_of(const Operands& x) {
  std::vector<double> sums;
  for (int i = 0; i < 16; ++i)
    for (int j = 0; j < 8; ++j) {
      double sum = x.c[i][j];
      for (int k = 0; k < 16; ++k) sum += double{x.a[i][k]} * x.b[k][j];
      sums.push_back(sum);
    }
  return sums;
}

void mma_outputs(Outputs& outputs) {
  const auto exact = [&](const std::string& name, const Operands& x) {
    std::vector<float> expected;
    for (const double sum : sums_of(x)) expected.push_back(static_cast<float>(sum));
    outputs.exact("mma_bf16_16816/" + name, {"mma_bf16_16816"}, value_bits(mma_sums(x)),
                  value_bits(expected));
  };
  Operands integers;
  for (int i = 0; i < 16; ++i)
    for (int k = 0; k < 16; ++k) integers.a[i][k] = static_cast<float>(noise(16 * i + k) % 31) - 15;
  for (int k = 0; k < 16; ++k)
    for (int j = 0; j < 8; ++j) {
      integers.b[k][j] = static_cast<float>(noise(256 + 8 * k + j) % 29) - 14;
      integers.c[k][j] = static_cast<float>(noise(384 + 8 * k + j) % 4001) - 2000;
    }
  exact("integers", integers);

  // One term in every sum, from 2^-57 to 2^68.
  Operands powers;
  for (int i = 0; i < 16; ++i) powers.a[i][7 * i % 16] = std::ldexp(i % 2 ? -1.f : 1.f, 5 * i - 40);
  for (int k = 0; k < 16; ++k)
    for (int j = 0; j < 8; ++j) powers.b[k][j] = std::ldexp(1.f, 5 * j - 17 + k);
  exact("powers", powers);

  // Subnormal operands (2^-133 is the least bf16), sums and accumulators.
  Operands subnormal;
  for (int i = 0; i < 16; ++i) {
    subnormal.a[i][i] = std::ldexp(1.f, -133 + i % 8);
    for (int j = 0; j < 8; ++j) {
      subnormal.b[i][j] = std::ldexp(1.f, 2 * j - 12);
      subnormal.c[i][j] = std::ldexp(1.f, -145 + i % 4);
    }
  }
  exact("subnormal", subnormal);

  // Infinity, infinity less infinity, zero times infinity, NaN in each operand.
  Operands special;
  const float infinity = std::numeric_limits<float>::infinity();
  for (int k = 0; k < 16; ++k)
    for (int j = 0; j < 8; ++j) special.b[k][j] = static_cast<float>(1 + j);
  special.a[0][3] = infinity, special.a[1][3] = -infinity, special.a[1][9] = infinity;
  special.a[2][0] = float_of(one_nan), special.a[3][2] = 1, special.a[4][2] = 0;
  special.b[2][5] = infinity, special.b[2][6] = float_of(one_nan);
  special.c[6][1] = -infinity, special.c[7][2] = float_of(one_nan), special.c[0][4] = -infinity;
  exact("special", special);

  // Products are exact in f32 (8 bits by 8), so that a sum of 17 terms errs by what its additions
  // drop: at most the last place of the largest partial sum for each. With the largest sum of
  // magnitudes S < 2^e that is 17 * 2^(e - 24) for either machine, were the terms aligned to the
  // largest and cut off instead of rounded: twice that is allowed between them.
  Operands random;
  for (int i = 0; i < 16; ++i)
    for (int k = 0; k < 16; ++k)
      random.a[i][k] = bf16_value(nearest_bf16(noise_in(-1, 1, 512 + 16 * i + k)));
  for (int k = 0; k < 16; ++k)
    for (int j = 0; j < 8; ++j) {
      random.b[k][j] = bf16_value(nearest_bf16(noise_in(-1, 1, 1024 + 8 * k + j)));
      random.c[k][j] = noise_in(-1, 1, 2048 + 8 * k + j);
    }
  double largest = 0;
  for (int i = 0; i < 16; ++i)
    for (int j = 0; j < 8; ++j) {
      double sum = std::abs(random.c[i][j]);
      for (int k = 0; k < 16; ++k) sum += std::abs(double{random.a[i][k]} * random.b[k][j]);
      largest = std::max(largest, sum);
    }
  outputs.within(0, 2 * 17 * std::ldexp(1.0, std::ilogb(largest) + 1 - 24), "mma_bf16_16816/random",
                 {"mma_bf16_16816"}, mma_sums(random), sums_of(random));
}

// Each half of a block meets at a barrier of its own, then two quarters at a third.
__global__ void named_barriers(uint32_t* to) {
  SHARED_ARRAY(uint32_t, s, 128);
  const int t = static_cast<int>(threadIdx.x);
  s[t] = 3 * t;
  if (t < 64)
    ptx::named_barrier<1>(64);
  else
    ptx::named_barrier<15>(64);
  to[t] = s[t ^ 63];
  if (t >= 32 && t < 96) ptx::named_barrier<7>(64);
  if (t >= 32 && t < 96) to[128 + t - 32] = s[127 - t];
}

void barrier_output(Outputs& outputs) {
  const Shipped<uint32_t> to(192);
  launch(GpuStream{}, named_barriers, 1, 128, 0, to.get());
  Words expected;
  for (uint32_t t = 0; t < 128; ++t) expected.push_back(3 * (t ^ 63));
  for (uint32_t t = 32; t < 96; ++t) expected.push_back(3 * (127 - t));
  outputs.exact("named_barrier", {"named_barrier"}, to.read(), expected);
}

}  // namespace

void tile_outputs(Outputs& outputs) {
  copy_outputs(outputs);
  matrix_output<4, false>(outputs, "ldmatrix_x4");
  matrix_output<4, true>(outputs, "ldmatrix_x4_trans");
  matrix_output<2, false>(outputs, "ldmatrix_x2");
  matrix_output<2, true>(outputs, "ldmatrix_x2_trans");
  mma_outputs(outputs);
  barrier_output(outputs);
}

}  // namespace stylear::cuda
