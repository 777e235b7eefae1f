// The emulation's own semantics, one small kernel per group of functions, in every order of
// threads.
#include <cmath>
#include <cstdio>
#include <vector>

#include "cuda/ptx_sm90.h"

using namespace stylear;
using namespace stylear::cuda;

namespace {

int failures = 0;
#define EXPECT(claim)                                           \
  do {                                                          \
    if (claim) break;                                           \
    ++failures;                                                 \
    std::printf("FAIL %s:%d %s\n", __FILE__, __LINE__, #claim); \
  } while (0)

template <class T>
struct Array {
  T* p;
  explicit Array(size_t count) : p(static_cast<T*>(simt::device_alloc(count * sizeof(T)))) {
    for (size_t i = 0; i < count; ++i) p[i] = T{};
  }
  ~Array() { simt::device_free(p); }
  Array(const Array&) = delete;
  T& operator[](size_t i) { return p[i]; }
};

template <class... P, class... A>
void launched(void (*kernel)(P...), dim3 grid, dim3 block, A... args) {
  launch(GpuStream{}, kernel, grid, block, 0, args...);
}

__global__ void shuffles(int* out) {
  const int lane = int(threadIdx.x);
  int* o = out + lane * 8;
  o[0] = __shfl_sync(full_warp, lane * 10, 3);
  o[1] = __shfl_sync(full_warp, lane * 10, 3, 8);  // lane 3 of each group of eight
  o[2] = __shfl_xor_sync(full_warp, lane, 5);
  o[3] = __shfl_up_sync(full_warp, lane, 2);  // lanes 0 and 1 keep their own
  o[4] = __shfl_down_sync(full_warp, lane, 3, 16);
  o[5] = int(__ballot_sync(full_warp, lane % 3 == 0));
  o[6] = int(__match_any_sync(full_warp, unsigned(lane % 5)));
  o[7] = int(__reduce_max_sync(full_warp, unsigned(lane * 7 % 32)));
}

void test_shuffles() {
  Array<int> o(256);
  launched(shuffles, 1, 32, o.p);
  for (int lane = 0; lane < 32; ++lane) {
    unsigned match = 0, ballot = 0;
    for (int j = 0; j < 32; ++j) {
      match |= unsigned(j % 5 == lane % 5) << j;
      ballot |= unsigned(j % 3 == 0) << j;
    }
    const int* q = o.p + lane * 8;
    EXPECT(q[0] == 30);
    EXPECT(q[1] == (lane / 8 * 8 + 3) * 10);
    EXPECT(q[2] == (lane ^ 5));
    EXPECT(q[3] == (lane < 2 ? lane : lane - 2));
    EXPECT(q[4] == (lane % 16 + 3 < 16 ? lane + 3 : lane));
    EXPECT(unsigned(q[5]) == ballot);
    EXPECT(unsigned(q[6]) == match);
    EXPECT(q[7] == 31);
  }
}

// Two groups of lanes in different collectives at once.
__global__ void halves(int* out) {
  const int lane = int(threadIdx.x);
  if (lane < 16)
    out[lane] = int(__ballot_sync(0x0000ffffu, lane & 1));
  else
    out[lane] = __shfl_xor_sync(0xffff0000u, lane, 1);
  __syncwarp();
  out[32 + lane] = __any_sync(full_warp, lane == 31) * 2 + __all_sync(full_warp, lane < 32);
}

void test_halves() {
  Array<int> o(64);
  launched(halves, 1, 32, o.p);
  for (int lane = 0; lane < 32; ++lane) {
    EXPECT(o[lane] == (lane < 16 ? 0xaaaa : lane ^ 1));
    EXPECT(o[32 + lane] == 3);
  }
}

__global__ void barriers(int* out) {
  const int t = int(threadIdx.x);
  out[t] = __syncthreads_count(t % 4 == 0);
  out[256 + t] = __syncthreads_or(t == 77) * 2 + __syncthreads_and(t < 255);
  SHARED_ARRAY(int, s, 256);
  s[t] = t;
  if (t < 128)
    ptx::named_barrier<1>(128);
  else
    ptx::named_barrier<2>(128);
  out[512 + t] = s[t ^ 64];  // within each half
  if (t >= 200) return;      // threads that have left do not hold up the others
  __syncthreads();
  out[768 + t] = s[t < 56 ? t + 200 : t];
}

void test_barriers() {
  Array<int> o(1024);
  launched(barriers, 1, 256, o.p);
  for (int t = 0; t < 256; ++t) {
    EXPECT(o[t] == 64);
    EXPECT(o[256 + t] == 2);
    EXPECT(o[512 + t] == (t ^ 64));
    if (t < 200) EXPECT(o[768 + t] == (t < 56 ? t + 200 : t));
  }
}

__global__ void atomics(int* i, float* f) {
  atomicAdd(i, 1);
  atomicMax(i + 1, int(threadIdx.x + blockIdx.x * blockDim.x));
  atomicAdd(f, 0.5f);
  atomicCAS(i + 2, 0, int(blockIdx.x) + 1);
  atomicInc(reinterpret_cast<unsigned*>(i + 3), 2u);
}

void test_atomics() {
  Array<int> i(4);
  Array<float> f(1);
  launched(atomics, 7, 96, i.p, f.p);
  EXPECT(i[0] == 672);
  EXPECT(i[1] == 671);
  EXPECT(f[0] == 336.f);
  EXPECT(i[2] >= 1 && i[2] <= 7);
  EXPECT(i[3] == 0);
}

__global__ void indices(int* out) {
  const unsigned t = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
  const unsigned b = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
  out[b * blockDim.x * blockDim.y * blockDim.z + t] = int(b * 1000 + t);
}

void test_indices() {
  Array<int> o(720);
  launched(indices, dim3(2, 3, 2), dim3(5, 3, 4), o.p);
  for (int b = 0; b < 12; ++b)
    for (int t = 0; t < 60; ++t) EXPECT(o[b * 60 + t] == b * 1000 + t);
}

__global__ void reductions(float* out, int rows) {
  const int t = int(threadIdx.x);
  for (int row = 0; row < rows; ++row) {
    const float sum = block_sum(float(t + row)), top = block_max(float(t ^ row));
    const double squares = block_sum(double(t) * t);
    if (t == 0) out[row * 3] = sum, out[row * 3 + 1] = top, out[row * 3 + 2] = float(squares);
  }
}

void test_reductions() {
  for (const int threads : {32, 96, 1024}) {
    Array<float> o(12);
    launched(reductions, 1, threads, o.p, 4);
    for (int row = 0; row < 4; ++row) {
      float sum = 0, top = 0;
      double squares = 0;
      for (int t = 0; t < threads; ++t) {
        sum += float(t + row);
        top = std::max(top, float(t ^ row));
        squares += double(t) * t;
      }
      EXPECT(o[row * 3] == sum);
      EXPECT(o[row * 3 + 1] == top);
      EXPECT(std::abs(o[row * 3 + 2] - squares) <= 1e-6f * squares);
    }
  }
}

template <class T, int n>
__global__ void vectors(const T* x, T* y, float* wide) {
  float v[n];
  const int at = int(threadIdx.x) * n;
  load<n>(x + at, v);
  store<n>(y + at, v);
  store<n>(wide + at, v);
}

template <class T, int n>
void test_vectors() {
  Array<T> x(32 * n), y(32 * n);
  Array<float> wide(32 * n);
  for (int i = 0; i < 32 * n; ++i) x[i] = from_float<T>(0.37f * float(i) - 3.f);
  launched(vectors<T, n>, 1, 32, x.p, y.p, wide.p);
  for (int i = 0; i < 32 * n; ++i) {
    EXPECT(to_float(y[i]) == to_float(x[i]));
    EXPECT(wide[i] == to_float(x[i]));
  }
}

__global__ void conversions(float* out) {
  const float x = float(threadIdx.x) * 0.3f - 4.f;
  const uint32_t pair = pack_bf16(x, -x);
  out[threadIdx.x * 2] = bf16_lo(pair);
  out[threadIdx.x * 2 + 1] = bf16_hi(pair);
}

void test_conversions() {
  Array<float> o(80);
  launched(conversions, 1, 40, o.p);
  for (int t = 0; t < 40; ++t) {
    const float x = float(t) * 0.3f - 4.f;
    EXPECT(std::abs(x - o[t * 2]) <= std::abs(x) / 256);
    EXPECT(o[t * 2 + 1] == -o[t * 2]);
  }
}

// c[16x8] = a[16x16] b[16x8], through shared memory, cp.async, ldmatrix and mma.
__global__ void tile_product(const bf16* a, const bf16* b, float* c) {
  SHARED_ARRAY(bf16, sa, 16 * 16);
  SHARED_ARRAY(bf16, sb, 16 * 8);
  const int lane = int(threadIdx.x), g = lane / 4, t = lane % 4 * 2;
  ptx::cp_async_16(&sa[lane * 8], a + lane * 8);
  if (lane < 16) ptx::cp_async_16(&sb[lane * 8], b + lane * 8);
  ptx::cp_async_commit();
  ptx::cp_async_wait<0>();
  __syncwarp();
  uint32_t fa[4], fb[2];
  ptx::ldmatrix_x4(fa, &sa[(lane % 16) * 16 + lane / 16 * 8]);
  ptx::ldmatrix_x2_trans(fb, &sb[(lane % 16) * 8]);
  float d[4] = {};
  ptx::mma_bf16_16816(d, fa, fb);
  c[g * 8 + t] = d[0], c[g * 8 + t + 1] = d[1];
  c[(g + 8) * 8 + t] = d[2], c[(g + 8) * 8 + t + 1] = d[3];
}

void test_tile_product() {
  Array<bf16> a(256), b(128);
  Array<float> c(128);
  for (int i = 0; i < 256; ++i) a[i] = from_float<bf16>(float(i * 7 % 31) - 15.f);
  for (int i = 0; i < 128; ++i) b[i] = from_float<bf16>(float(i * 5 % 23) - 11.f);
  launched(tile_product, 1, 32, a.p, b.p, c.p);
  for (int i = 0; i < 16; ++i)
    for (int j = 0; j < 8; ++j) {
      float sum = 0;
      for (int k = 0; k < 16; ++k) sum += to_float(a[i * 16 + k]) * to_float(b[k * 8 + j]);
      EXPECT(c[i * 8 + j] == sum);
    }
}

// c[64x64] = a[64x64] b[64x64]^T: bulk tensor copies announced to an mbarrier, then wgmma.
__global__ void group_product(const TensorMap* a, const TensorMap* b, float* c) {
  SharedCarver carve;
  bf16* sa = carve.take<bf16>(64 * 64, 1024);
  bf16* sb = carve.take<bf16>(64 * 64, 1024);
  uint64_t* full = carve.take<uint64_t>(1);
  if (threadIdx.x == 0) {
    ptx::mbarrier_init(full, 1);
    ptx::fence_proxy_async();
  }
  __syncthreads();
  if (threadIdx.x == 0) {
    ptx::mbarrier_arrive_expect(full, 2 * 64 * 64 * sizeof(bf16));
    ptx::tensor_load_2d(sa, a, full, 0, 0);
    ptx::tensor_load_2d(sb, b, full, 0, 0);
  }
  ptx::mbarrier_wait(full, 0);
  float d[32];
  ptx::wgmma_fence();
  for (int k = 0; k < 4; ++k)
    ptx::wgmma_m64n64k16<false>(d, ptx::wgmma_descriptor(sa + k * 16, 0, 1024),
                                ptx::wgmma_descriptor(sb + k * 16, 0, 1024), k > 0);
  ptx::wgmma_commit();
  ptx::wgmma_wait<0>();
  const int lane = int(threadIdx.x) % 32, row = int(threadIdx.x) / 32 * 16 + lane / 4;
  for (int i = 0; i < 32; ++i)
    c[(row + i % 4 / 2 * 8) * 64 + i / 4 * 8 + lane % 4 * 2 + i % 2] = d[i];
}

void test_group_product() {
  Array<bf16> a(4096), b(4096);
  Array<float> c(4096);
  for (int i = 0; i < 4096; ++i) {
    a[i] = from_float<bf16>(float(i * 7 % 31) - 15.f);
    b[i] = from_float<bf16>(float(i * 11 % 29) - 14.f);
  }
  Array<TensorMap> maps(2);
  for (int i = 0; i < 2; ++i) {
    maps[i] = {i ? b.p : a.p, 2, 2, 128, {64, 64}, {2, 128}, {64, 64}};
    simt::tensor_map_check(maps[i]);
  }
  launch(GpuStream{}, group_product, 1, 128,
         SharedSize().add<bf16>(4096, 1024).add<bf16>(4096, 1024).add<uint64_t>(1).bytes(), maps.p,
         maps.p + 1, c.p);
  for (int i = 0; i < 64; ++i)
    for (int j = 0; j < 64; ++j) {
      float sum = 0;
      for (int k = 0; k < 64; ++k) sum += to_float(a[i * 64 + k]) * to_float(b[j * 64 + k]);
      EXPECT(c[i * 64 + j] == sum);
    }
}

}  // namespace

int main() {
  for (const simt::Order order : {simt::Order::forward, simt::Order::reverse, simt::Order::random})
    for (const simt::Async async : {simt::Async::late, simt::Async::early, simt::Async::random}) {
      simt::options().order = order;
      simt::options().async = async;
      test_shuffles();
      test_halves();
      test_barriers();
      test_atomics();
      test_indices();
      test_reductions();
      test_vectors<float, 1>();
      test_vectors<float, 4>();
      test_vectors<float, 8>();
      test_vectors<bf16, 1>();
      test_vectors<bf16, 4>();
      test_vectors<bf16, 8>();
      test_conversions();
      test_tile_product();
      test_group_product();
    }
  std::printf(failures ? "%d failures\n" : "all passed\n", failures);
  return failures != 0;
}
