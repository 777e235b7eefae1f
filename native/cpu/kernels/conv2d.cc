// Convolutions as products: pixels by outs over (tap, in) forward, pixels by ins over (tap, out)
// for dx, outs by (tap, in) over pixels for dweight. Patches exist only as packed panels. Those of
// 3 x 3 taps, a pixel apart, are made by squares where that takes less time (winograd.h).
#include "core/ops/conv2d.h"

#include "cpu/epilogue.h"
#include "cpu/gemm.h"
#include "cpu/patches.h"
#include "cpu/run.h"
#include "cpu/winograd_convolution.h"
#include "cpu/winograd_gradient.h"

namespace stylear::cpu {

namespace {

Window window_of(const TensorView& x, const TensorView& weight, const TensorView& y, int64_t stride,
                 const Ints& padding) {
  return {x.shape[0],      x.shape[1],      x.shape[2], y.shape[1], y.shape[2],
          weight.shape[1], weight.shape[2], stride,     padding[0], padding[1]};
}

Epilogue epilogue_to(const Out& y) {
  Epilogue epilogue;
  epilogue.y = FloatsAt(y);
  epilogue.cols = y.shape[-1];
  return epilogue;
}

template <class T, class W>
bool has_squares(const Window& window) {
  constexpr bool pairs = has_bf16_dot && sizeof(T) == sizeof(bf16) && sizeof(W) == sizeof(bf16);
  return !pairs && window.kernel_height == 3 && window.kernel_width == 3 && window.stride == 1;
}

template <class T, class W>
void conv2d(const Conv2d& op, Workers& workers) {
  const Window window = window_of(op.x, op.weight, op.y, op.stride, op.padding);
  const int64_t ins = op.x.shape[3], outs = op.y.shape[3], depth = window.taps() * ins;
  Epilogue epilogue = epilogue_to(op.y);
  epilogue.bias = FloatsAt(op.bias);
  epilogue.residual = FloatsAt(op.residual);
  // Of one picture, so that no picture depends on those beside it.
  if (has_squares<T, W>(window) && suits_winograd(window.y_height * window.y_width)) {
    const Pictures<T> x{op.x.as<T>(), window.images, window.height, window.width, ins};
    const Taps<W> weight{op.weight.as<W>(), depth, 1, ins};
    WinogradConvolution<T, W>(x, weight, window.y_height, window.y_width, outs, window.top,
                              window.left, epilogue, workers)
        .run();
    return;
  }
  const PatchFactor<T, &Window::x_under> patches(window, window.y_height, window.y_width,
                                                 op.x.as<T>(), ins);
  const DenseFactor<W> weight(op.weight.as<W>(), depth, 1);
  multiply(window.y_pixels(), outs, depth, patches, weight, epilogue, workers);
}

template <class T, class W>
void conv2d_backward_input(const Conv2dBackwardInput& op, Workers& workers) {
  const Window window = window_of(op.dx, op.weight, op.dy, op.stride, op.padding);
  const int64_t ins = op.dx.shape[3], outs = op.dy.shape[3];
  if (has_squares<T, W>(window) && suits_winograd(window.x_pixels())) {
    // The gradient's pixels seen through the window turned around.
    const Pictures<T> dy{op.dy.as<T>(), window.images, window.y_height, window.y_width, outs};
    const Taps<W> weight{op.weight.as<W>() + 8 * ins, 1, 9 * ins, -ins};
    const Epilogue epilogue = epilogue_to(op.dx);
    WinogradConvolution<T, W>(dy, weight, window.height, window.width, ins, 2 - window.top,
                              2 - window.left, epilogue, workers)
        .run();
    return;
  }
  const PatchFactor<T, &Window::y_over> patches(window, window.height, window.width, op.dy.as<T>(),
                                                outs);
  const TransposedWeightFactor<W> weight(op.weight.as<W>(), outs, window.taps(), ins);
  multiply(window.x_pixels(), ins, window.taps() * outs, patches, weight, epilogue_to(op.dx),
           workers);
}

template <class T>
void conv2d_backward_weight(const Conv2dBackwardWeight& op, Workers& workers) {
  const Window window = window_of(op.x, op.dweight, op.dy, op.stride, op.padding);
  const int64_t ins = op.x.shape[3], outs = op.dy.shape[3];
  Epilogue epilogue;
  epilogue.y = FloatsAt(op.dweight);
  epilogue.cols = window.taps() * ins;
  if (has_squares<T, float>(window) && suits_winograd_gradient(window.y_pixels(), ins, outs)) {
    const Pictures<T> x{op.x.as<T>(), window.images, window.height, window.width, ins};
    const Pictures<T> dy{op.dy.as<T>(), window.images, window.y_height, window.y_width, outs};
    WinogradWeightGradient<T>(x, dy, window.top, window.left, epilogue, workers).run();
    return;
  }
  const DenseFactor<T> dy(op.dy.as<T>(), 1, outs);
  const TransposedPatchFactor<T> patches(window, op.x.as<T>(), ins);
  multiply(outs, epilogue.cols, window.y_pixels(), dy, patches, epilogue, workers);
}

}  // namespace

void run(const Conv2d& op, Workers& workers) {
  if (op.x.dtype == Dtype::f32) return conv2d<float, float>(op, workers);
  op.weight.dtype == Dtype::f32 ? conv2d<bf16, float>(op, workers)
                                : conv2d<bf16, bf16>(op, workers);
}

void run(const Conv2dBackwardInput& op, Workers& workers) {
  if (op.dx.dtype == Dtype::f32) return conv2d_backward_input<float, float>(op, workers);
  op.weight.dtype == Dtype::f32 ? conv2d_backward_input<bf16, float>(op, workers)
                                : conv2d_backward_input<bf16, bf16>(op, workers);
}

void run(const Conv2dBackwardWeight& op, Workers& workers) {
  op.x.dtype == Dtype::f32 ? conv2d_backward_weight<float>(op, workers)
                           : conv2d_backward_weight<bf16>(op, workers);
}

}  // namespace stylear::cpu
