// Up to 64 rows by the kernels that read weights once (skinny_*.cuh), more rows as a product of
// tiles (gemm.cuh). For those, weights of i8 are first widened into scratch memory, exactly; their
// scale is applied to the sums.
#include <utility>

#include "../gemm.cuh"
#include "../run.h"
#include "../skinny_fma.cuh"
#include "../skinny_mma.cuh"

namespace stylear::cuda {

namespace {

// 8 bytes per thread. Bound by memory: one byte read, two written per weight.
__global__ void widen_kernel(const int8_t* from, bf16* to, int64_t count, bool vectors) {
  const int64_t at = (int64_t{blockIdx.x} * blockDim.x + threadIdx.x) * 8;
  if (vectors && at + 8 <= count) {
    const uint2 bytes = *reinterpret_cast<const uint2*>(from + at);
    const uint2 lo = bf16_of_bytes(bytes.x), hi = bf16_of_bytes(bytes.y);
    *reinterpret_cast<uint4*>(to + at) = make_uint4(lo.x, lo.y, hi.x, hi.y);
  } else {
    for (int64_t i = at; i < at + 8 && i < count; ++i)
      to[i] = from_float<bf16>(static_cast<float>(from[i]));
  }
}

Epilogue epilogue_of(const Linear& op) {
  Epilogue epilogue(op.y, op.weight.shape[0]);
  epilogue.function = op.function;
  epilogue.set_scale(op.scale);
  if (op.side.present()) {
    epilogue.side = op.side.as<float>();
    epilogue.side_weight = Values(op.side_weight);
    epilogue.rank = static_cast<int>(op.side.shape[-1]);
  }
  epilogue.set_bias(op.bias);
  epilogue.set_residual(op.residual);
  return epilogue;
}

void skinny(const Linear& op, Stream& stream, int64_t rows) {
  const int64_t outs = op.weight.shape[0], in = op.weight.shape[1];
  const Epilogue epilogue = epilogue_of(op);
  const auto fma = [&](const auto* x, const auto* weight) {
    skinny_fma(stream, x, weight, rows, outs, in, epilogue);
  };
  const auto mma = [&](const auto* weight) {
    skinny_mma(stream, op.x.as<bf16>(), weight, rows, outs, in, epilogue);
  };
  const bool wide = op.x.dtype == Dtype::f32;
  if (op.weight.dtype == Dtype::f32)
    wide ? fma(op.x.as<float>(), op.weight.as<float>())
         : fma(op.x.as<bf16>(), op.weight.as<float>());
  else if (op.weight.dtype == Dtype::bf16)
    wide ? fma(op.x.as<float>(), op.weight.as<bf16>()) : mma(op.weight.as<bf16>());
  else
    wide ? fma(op.x.as<float>(), op.weight.as<int8_t>()) : mma(op.weight.as<int8_t>());
}

}  // namespace

void run(const Linear& op, Stream& stream) {
  const int64_t outs = op.weight.shape[0], in = op.weight.shape[1], rows = op.x.count() / in;
  const GemmShape shape = gemm_shape(Linear::name, rows, outs, in);
  if (rows <= skinny_rows) return skinny(op, stream, rows);
  TensorView weight = op.weight;
  if (weight.dtype == Dtype::i8) {
    bf16* widened = stream.scratch<bf16>(weight.count());
    launch(stream, widen_kernel, static_cast<unsigned>(ceil_div<int64_t>(weight.count(), 8 * 256)),
           256, 0, op.weight.as<int8_t>(), widened, weight.count(), vector_aligned(weight.data));
    weight.data = widened;
    weight.dtype = Dtype::bf16;
  }
  const Dense x(op.x, rows, in), w(weight, outs, in);
  Epilogue epilogue = epilogue_of(op);
  if (!op.side.present()) return gemm_dense<true, true>(stream, x, w, shape, epilogue);

  // The low-rank update is a second product, which finishes the sums of the first.
  TensorView sums;
  sums.data = stream.scratch<float>(rows * outs);
  sums.dtype = Dtype::f32;
  gemm_dense<true, true>(stream, x, w, shape, Epilogue(sums, outs));
  const int rank = std::exchange(epilogue.rank, 0);
  epilogue.side = nullptr;
  epilogue.sums = static_cast<const float*>(sums.data);
  gemm<true, false>(stream, Dense(op.side, rows, rank), Dense(op.side_weight, rank, outs),
                    {shape.m, shape.n, rank}, epilogue);
}

}  // namespace stylear::cuda
