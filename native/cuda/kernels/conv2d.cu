// Convolutions as products whose loaders find the elements (operand.cuh); no matrix of patches is
// ever in memory. With p a pixel of y, q a pixel of x:
//   forward          y[p, o] = sum over (tap, channel) of patch of x at p    times weight
//   backward input   dx[q, c] = sum over (tap, out) of patch of dy at q      times weight
//   backward weight  dw[o, (tap, c)] = sum over p of dy[p, o]                times patch of x at p
// An input element is read once per tap, mostly from L2. The arithmetic is the bound, on Hopper the
// instructions that find the elements.
#include "../gemm.cuh"
#include "../run.h"

namespace stylear::cuda {

void run(const Conv2d& op, Stream& stream) {
  const ConvShape conv(op.x, op.weight, op.y, op.stride, op.padding);
  const int64_t outs = op.y.shape[3], terms = op.weight.count() / outs;
  const GemmShape shape = gemm_shape(Conv2d::name, op.y.count() / outs, outs, terms);
  Epilogue epilogue(op.y, outs);
  epilogue.set_bias(op.bias);
  epilogue.set_residual(op.residual);
  gemm<true, true>(stream, Patches(op.x, conv), Dense(op.weight, outs, terms), shape, epilogue);
}

void run(const Conv2dBackwardInput& op, Stream& stream) {
  const ConvShape conv(op.dx, op.weight, op.dy, op.stride, op.padding);
  const int64_t channels = op.dx.shape[3];
  const GemmShape shape = gemm_shape(Conv2dBackwardInput::name, op.dx.count() / channels, channels,
                                     op.weight.count() / channels);
  gemm<true, false>(stream, BackwardPatches(op.dy, conv), TapLines(op.weight, conv), shape,
                    Epilogue(op.dx, channels));
}

void run(const Conv2dBackwardWeight& op, Stream& stream) {
  const ConvShape conv(op.x, op.dweight, op.dy, op.stride, op.padding);
  const int64_t outs = op.dy.shape[3], pixels = op.dy.count() / outs;
  const int64_t columns = op.dweight.count() / outs;
  const GemmShape shape = gemm_shape(Conv2dBackwardWeight::name, outs, columns, pixels);
  gemm<false, false>(stream, Dense(op.dy, pixels, outs), Patches(op.x, conv), shape,
                     Epilogue(op.dweight, columns));
}

}  // namespace stylear::cuda
