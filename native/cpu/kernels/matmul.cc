#include "core/ops/matmul.h"

#include "cpu/gemm.h"
#include "cpu/run.h"

namespace stylear::cpu {

namespace {

template <class C>
class MatmulOutput final : public Output {
 public:
  MatmulOutput(C* c, int64_t width, float alpha, bool accumulate)
      : c_(c), width_(width), alpha_(alpha), accumulate_(accumulate) {}

  void take(int64_t row, int rows, int64_t col, int cols, const float* sums) const override {
    for (int i = 0; i < rows; ++i) {
      C* to = c_ + (row + i) * width_ + col;
      const float* from = sums + i * tile_cols;
      for (int j = 0; j < cols; j += lanes) {
        const int here = cols - j < lanes ? cols - j : lanes;
        Floats v = alpha_ * load(from + j);
        if (accumulate_) v = v + (here == lanes ? load(to + j) : load(to + j, here));
        here == lanes ? store(to + j, v) : store(to + j, v, here);
      }
    }
  }

  void prefetch_results(int64_t row, int rows, int64_t col) const override {
    for (int i = 0; i < rows; ++i) prefetch(c_ + (row + i) * width_ + col);
  }

 private:
  C* c_;
  int64_t width_;
  float alpha_;
  bool accumulate_;
};

template <class A, class B, class C>
void matmul(const Matmul& op, Workers& workers) {
  const int64_t rows = op.c.shape[0], cols = op.c.shape[1];
  const int64_t depth = op.a.shape[op.transpose_a ? 0 : 1];
  const DenseFactor<A> a(op.a.as<A>(), op.transpose_a ? 1 : depth, op.transpose_a ? rows : 1);
  const DenseFactor<B> b(op.b.as<B>(), op.transpose_b ? depth : 1, op.transpose_b ? 1 : cols);
  multiply(rows, cols, depth, a, b, MatmulOutput<C>(op.c.as<C>(), cols, op.alpha, op.accumulate),
           workers);
}

template <class A, class B>
void matmul(const Matmul& op, Workers& workers) {
  op.c.dtype == Dtype::f32 ? matmul<A, B, float>(op, workers) : matmul<A, B, bf16>(op, workers);
}

template <class A>
void matmul(const Matmul& op, Workers& workers) {
  op.b.dtype == Dtype::f32 ? matmul<A, float>(op, workers) : matmul<A, bf16>(op, workers);
}

}  // namespace

void run(const Matmul& op, Workers& workers) {
  op.a.dtype == Dtype::f32 ? matmul<float>(op, workers) : matmul<bf16>(op, workers);
}

}  // namespace stylear::cpu
