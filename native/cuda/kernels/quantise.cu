#include "../run.h"
#include "../stream.h"

namespace stylear::cuda {

namespace {

constexpr int threads = 256;

// One block per row, which is read twice, the second time from L1 or L2; bound by memory.
template <class T>
__global__ void quantise_kernel(const T* x, int8_t* q, float* scales, int64_t width) {
  x += blockIdx.x * width;
  q += blockIdx.x * width;
  float largest = 0;
  for (int64_t i = threadIdx.x; i < width; i += threads)
    largest = fmaxf(largest, fabsf(to_float(x[i])));
  largest = block_max(largest);
  float scale = largest / 127.0f;
  if (scale == 0) scale = 1;  // zeros, or too small for a quotient
  for (int64_t i = threadIdx.x; i < width; i += threads) {
    const float v = rintf(to_float(x[i]) / scale);
    q[i] = v == v ? static_cast<int8_t>(fminf(fmaxf(v, -127.0f), 127.0f)) : int8_t{0};
  }
  if (threadIdx.x == 0) scales[blockIdx.x] = scale;
}

// One block per row; bound by memory.
template <class T>
__global__ void dequantise_kernel(const int8_t* q, const float* scales, T* y, int64_t width) {
  q += blockIdx.x * width;
  y += blockIdx.x * width;
  const float scale = scales[blockIdx.x];
  for (int64_t i = threadIdx.x; i < width; i += threads)
    y[i] = from_float<T>(static_cast<float>(q[i]) * scale);
}

template <class T>
void quantise(const Quantise& op, Stream& stream) {
  launch(stream, quantise_kernel<T>, static_cast<unsigned>(op.x.shape[0]), threads, 0, op.x.as<T>(),
         op.q.as<int8_t>(), op.scale.as<float>(), op.x.shape[1]);
}

template <class T>
void dequantise(const Dequantise& op, Stream& stream) {
  launch(stream, dequantise_kernel<T>, static_cast<unsigned>(op.q.shape[0]), threads, 0,
         op.q.as<int8_t>(), op.scale.as<float>(), op.y.as<T>(), op.q.shape[1]);
}

}  // namespace

void run(const Quantise& op, Stream& stream) {
  op.x.dtype == Dtype::f32 ? quantise<float>(op, stream) : quantise<bf16>(op, stream);
}

void run(const Dequantise& op, Stream& stream) {
  op.y.dtype == Dtype::f32 ? dequantise<float>(op, stream) : dequantise<bf16>(op, stream);
}

}  // namespace stylear::cuda
