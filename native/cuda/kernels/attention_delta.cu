// What both gradients of attention need of each query row before they start.
#include "attention.cuh"

namespace stylear::cuda {
namespace {

constexpr int threads = 128;

// delta = rowsum(dy * y). One warp per row of a head, lanes along the row, so a block reads the
// neighbouring heads of a query from neighbouring addresses. Each element is read once: bound by
// memory.
template <class T>
__global__ void __launch_bounds__(threads) attention_delta_kernel(const AttentionGradient<T> p) {
  const int64_t row = int64_t{blockIdx.x} * (threads / 32) + (threadIdx.x >> 5);
  if (row >= int64_t{p.sequences} * p.queries * p.heads) return;
  const int head = int(row % p.heads), query = int(row / p.heads % p.queries);
  const int sequence = int(row / p.heads / p.queries);
  const T* y = p.y.of(sequence, head, p.dim)[query];
  const T* dy = p.dy.of(sequence, head, p.dim)[query];
  float sum = 0.f;
  for (int c = threadIdx.x & 31; c < p.dim; c += 32)
    sum = fmaf(to_float(y[c]), to_float(dy[c]), sum);
  sum = warp_sum(sum);
  if ((threadIdx.x & 31) == 0)
    p.delta[(int64_t{sequence} * p.heads + head) * p.queries + query] = sum;
}

}  // namespace

template <class T>
void attention_delta(const AttentionGradient<T>& p, Stream& stream) {
  const int64_t rows = int64_t{p.sequences} * p.queries * p.heads;
  launch(stream, attention_delta_kernel<T>, ceil_div<int64_t>(rows, threads / 32), threads, 0, p);
}

template void attention_delta(const AttentionGradient<float>&, Stream&);
template void attention_delta(const AttentionGradient<bf16>&, Stream&);

}  // namespace stylear::cuda
