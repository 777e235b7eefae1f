// What a GPU can do, measured: `limits read|bf16|fma <seconds>` prints a number.
//
// read: GB/s of a copy from device memory to device memory, bytes read and bytes written together.
// bf16: GFLOP/s of cuBLASLt on 8192 x 8192 x 8192 with f32 sums, on random values; 0 where there is
// no cuBLASLt. fma: GFLOP/s of multiply-adds in f32 by the ordinary units.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "core/error.h"
#include "cuda/cublaslt.h"
#include "cuda/gpu.h"
#include "cuda/stream.h"

namespace {

using namespace stylear;
using namespace stylear::cuda;

// Device memory, which the end of the program gives back.
template <class T>
T* allocate(size_t count) {
  void* block = nullptr;
  check_cuda(cudaMalloc(&block, count * sizeof(T)), "memory");
  return static_cast<T*>(block);
}

// One block, for one op at a time.
struct OneBlock final : ScratchMemory {
  char* block = nullptr;
  int64_t size = 0;
  void* take_scratch(int64_t bytes) override {
    if (bytes > size) block = allocate<char>(static_cast<size_t>(size = bytes));
    return block;
  }
  void give_scratch(void*) override {}
};

// Values from -1 to 1 that neither compress nor repeat.
__global__ void fill_noise(bf16* x, size_t count) {
  const size_t stride = size_t{gridDim.x} * blockDim.x;
  for (size_t i = size_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count; i += stride) {
    uint32_t bits = static_cast<uint32_t>(i) * 0x9e3779b9u + 0x85ebca6bu;
    bits = (bits ^ (bits >> 16)) * 0x7feb352du;
    bits = (bits ^ (bits >> 15)) * 0x846ca68bu;
    x[i] = from_float<bf16>(static_cast<float>(static_cast<int32_t>(bits ^ (bits >> 16))) /
                            2147483648.0f);
  }
}

constexpr int chains = 8, rounds = 4096;

__global__ void multiply_add(float* out, float factor) {
  float sums[chains];
#pragma unroll
  for (int i = 0; i < chains; ++i) sums[i] = static_cast<float>(threadIdx.x + i);
  for (int round = 0; round < rounds; ++round) {
#pragma unroll
    for (int i = 0; i < chains; ++i) sums[i] = sums[i] * factor + 1.0f;
  }
  float sum = 0;
#pragma unroll
  for (int i = 0; i < chains; ++i) sum += sums[i];
  out[size_t{blockIdx.x} * blockDim.x + threadIdx.x] = sum;
}

// The median rate of `step`, which does `work` once, in units of 1e9 a second.
template <class Step>
double rate(double work, double seconds, Step&& step) {
  cudaEvent_t begin, end;
  check_cuda(cudaEventCreate(&begin), "event");
  check_cuda(cudaEventCreate(&end), "event");
  for (int i = 0; i < 3; ++i) step();
  std::vector<double> rates;
  for (double spent = 0; rates.size() < 5 || spent < seconds;) {
    check_cuda(cudaEventRecord(begin), "event");
    step();
    check_cuda(cudaEventRecord(end), "event");
    check_cuda(cudaEventSynchronize(end), "step");
    float milliseconds = 0;
    check_cuda(cudaEventElapsedTime(&milliseconds, begin, end), "event");
    rates.push_back(work / 1e6 / milliseconds);
    spent += milliseconds / 1e3;
  }
  std::sort(rates.begin(), rates.end());
  return rates[rates.size() / 2];
}

double read_rate(double seconds) {
  const size_t bytes = size_t{2} << 30;
  char *from = allocate<char>(bytes), *to = allocate<char>(bytes);
  fill_noise<<<1024, 256>>>(reinterpret_cast<bf16*>(from), bytes / 2);
  return rate(2.0 * static_cast<double>(bytes), seconds, [&] {
    check_cuda(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice), "copy");
  });
}

double bf16_rate(double seconds) {
  constexpr int64_t side = 8192;
  const auto blas = find_cublaslt(0);
  OneBlock memory;
  Stream stream;
  stream.memory = &memory;
  bf16 *a = allocate<bf16>(side * side), *b = allocate<bf16>(side * side),
       *c = allocate<bf16>(side * side);
  fill_noise<<<1024, 256>>>(a, side * side);
  fill_noise<<<1024, 256>>>(b, side * side);
  const BlasProduct product = {a,    b,     nullptr, c,           side,        side,
                               side, false, true,    Dtype::bf16, Dtype::bf16, 1.0f};
  if (!blas || !blas->multiply(stream, product)) return 0;
  return rate(2.0 * side * side * side, seconds, [&] {
    stream.finish_op();
    blas->multiply(stream, product);
  });
}

double fma_rate(double seconds) {
  int index = 0;
  cudaDeviceProp properties{};
  check_cuda(cudaGetDevice(&index), "device");
  check_cuda(cudaGetDeviceProperties(&properties, index), "device");
  const int blocks = properties.multiProcessorCount * 16, threads = 256;
  float* out = allocate<float>(static_cast<size_t>(blocks) * threads);
  const double work = 2.0 * blocks * threads * chains * rounds;
  return rate(work, seconds, [&] {
    multiply_add<<<blocks, threads>>>(out, 0.999f);
    check_cuda(cudaGetLastError(), "kernel");
  });
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  const double seconds = argc > 2 ? std::atof(argv[2]) : 0.3;
  try {
    if (what == "read")
      std::printf("%.6g\n", read_rate(seconds));
    else if (what == "bf16")
      std::printf("%.6g\n", bf16_rate(seconds));
    else if (what == "fma")
      std::printf("%.6g\n", fma_rate(seconds));
    else
      throw Error("ERR_INPUT", "limits: expected read, bf16 or fma, got " + what);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
