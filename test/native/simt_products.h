// What the tests of products share: tensors in emulated device memory, filled with seeded values,
// and comparison with sums in f64.
#pragma once

#include <cmath>
#include <cstdio>
#include <cstring>
#include <memory>
#include <random>
#include <vector>

#include "core/bf16.h"
#include "cuda/run.h"
#include "cuda/stream.h"

// As in expect.h, where that is not included before. Its atomic number is not for programs whose
// kernels announce their accesses: they have nothing that a checker's atomics could call.
#ifndef EXPECT
inline int failures = 0;
inline int outcome() { return failures ? 1 : 0; }
#endif

namespace stylear {

struct Arena : cuda::ScratchMemory {
  void* take_scratch(int64_t bytes) override {
    return simt::device_alloc(static_cast<size_t>(bytes));
  }
  void give_scratch(void* block) override { simt::device_free(block); }
};

// A tensor whose first element lies `skew` elements past an aligned address.
class Array {
 public:
  TensorView view;

  Array(Dtype dtype, Shape shape, int skew = 0) {
    const size_t bytes = static_cast<size_t>((shape.count() + skew) * bytes_of(dtype));
    block_.reset(simt::device_alloc(bytes), simt::device_free);
    view.data = static_cast<char*>(block_.get()) + skew * bytes_of(dtype);
    view.dtype = dtype;
    view.shape = shape;
  }
  Array& random(uint32_t seed, double scale = 1) {
    std::mt19937 bits(seed);
    for (int64_t i = 0; i < view.count(); ++i) {
      const double u = (bits() >> 8) / double(1 << 24) * 2 - 1;
      set(i, view.dtype == Dtype::i8 ? std::round(u * 127) : u * scale);
    }
    return *this;
  }
  double operator[](int64_t i) const {
    switch (view.dtype) {
      case Dtype::f32:
        return static_cast<float*>(view.data)[i];
      case Dtype::bf16:
        return float(static_cast<bf16*>(view.data)[i]);
      case Dtype::i32:
        return static_cast<int32_t*>(view.data)[i];
      default:
        return static_cast<int8_t*>(view.data)[i];
    }
  }
  void set(int64_t i, double v) {
    switch (view.dtype) {
      case Dtype::f32:
        static_cast<float*>(view.data)[i] = float(v);
        break;
      case Dtype::bf16:
        static_cast<bf16*>(view.data)[i] = bf16(float(v));
        break;
      case Dtype::i32:
        static_cast<int32_t*>(view.data)[i] = int32_t(v);
        break;
      default:
        static_cast<int8_t*>(view.data)[i] = int8_t(v);
    }
  }
  std::vector<double> values() const {
    std::vector<double> v(view.count());
    for (int64_t i = 0; i < view.count(); ++i) v[i] = (*this)[i];
    return v;
  }
  template <class Role>
  Role as() const {
    Role role;
    static_cast<TensorView&>(role) = view;
    return role;
  }
  operator In() const { return as<In>(); }
  operator Out() const { return as<Out>(); }
  operator MaybeIn() const { return as<MaybeIn>(); }

 private:
  std::shared_ptr<void> block_;
};

template <class Op>
void run_checked(const Op& op, cuda::BlasLibrary* blas = nullptr, int compute_capability = 80,
                 int multiprocessors = 132) {
  Arena arena;
  cuda::Stream stream;
  stream.memory = &arena;
  stream.multiprocessors = multiprocessors;
  stream.blas = blas;
  stream.compute_capability = compute_capability;
  op.check();
  cuda::run(op, stream);
  stream.finish_op();
}

// |y - expected| within the roundings of a sum of `terms` in f32 and of y's dtype; `size` is how
// large sums of magnitudes become.
inline void expect_close(const std::string& what, const Array& y,
                         const std::vector<double>& expected, double size, int64_t terms) {
  const double sum_rounding = size * std::sqrt(double(terms) + 4) * 6e-8 * 4;
  for (int64_t i = 0; i < y.view.count(); ++i) {
    const double rounding = y.view.dtype == Dtype::bf16 ? std::fabs(expected[i]) / 256 : 0;
    const double allowed = sum_rounding * std::max(1.0, std::fabs(expected[i])) + rounding;
    if (std::fabs(y[i] - expected[i]) <= allowed) continue;
    ++failures;
    std::printf("FAIL %s: element %ld is %.8g, expected %.8g\n", what.c_str(), long(i), y[i],
                expected[i]);
    return;
  }
}

}  // namespace stylear
