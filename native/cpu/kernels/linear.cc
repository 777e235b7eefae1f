// Two regimes. Up to `most_skinny_rows` rows the product is bound by reading the weights, which
// skinny.h does once and in place. Above, weights are packed for the arithmetic-bound gemm.h.
#include "core/ops/linear.h"

#include <algorithm>

#include "cpu/epilogue.h"
#include "cpu/gemm.h"
#include "cpu/run.h"
#include "cpu/skinny.h"

namespace stylear::cpu {

namespace {

// The contract of the op: rows beside each other change no bits up to here.
constexpr int64_t most_skinny_rows = 64;

// Weight rows that are multiplied with every activation row before the next ones are read; a
// multiple of the outs of each tile.
constexpr int64_t outs_block = 48;

Epilogue epilogue_of(const Linear& op) {
  Epilogue epilogue;
  epilogue.y = FloatsAt(op.y);
  epilogue.cols = op.y.shape[-1];
  epilogue.scale = op.scale.as<float>();
  epilogue.bias = FloatsAt(op.bias);
  epilogue.side = op.side.as<float>();
  epilogue.side_weight = FloatsAt(op.side_weight);
  epilogue.rank = op.side.present() ? op.side.shape[-1] : 0;
  epilogue.function = op.function;
  epilogue.residual = FloatsAt(op.residual);
  return epilogue;
}

template <class Weights, class X>
void skinny(const Linear& op, Workers& workers) {
  const int64_t depth = op.x.shape[-1], rows = op.x.count() / depth, outs = op.weight.shape[0];
  const int64_t x_stride = chunks_of(depth) * Weights::chunk_words;
  const auto* weight = op.weight.as<typename Weights::Weight>();
  const Epilogue epilogue = epilogue_of(op);

  float* x = workers.scratch_of<float>(rows * x_stride);
  workers.for_each(rows, 4, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row)
      write_activation_row<Weights>(op.x.as<X>() + row * depth, depth, x + row * x_stride);
  });

  workers.for_each(outs, outs_block, [&](int64_t begin, int64_t end) {
    float sums[most_tile_rows * outs_block];
    for (int64_t row = 0; row < rows; row += most_tile_rows) {
      const int here = static_cast<int>(std::min<int64_t>(most_tile_rows, rows - row));
      dot_rows<Weights>(weight + begin * depth, end - begin, here, x + row * x_stride, x_stride,
                        depth, sums, outs_block);
      for (int r = 0; r < here; ++r)
        epilogue.take_row(row + r, begin, end - begin, sums + r * outs_block);
    }
  });
}

template <class X, class W>
void packed(const Linear& op, Workers& workers) {
  const int64_t depth = op.x.shape[-1], rows = op.x.count() / depth, outs = op.weight.shape[0];
  const DenseFactor<X> x(op.x.as<X>(), depth, 1);
  const DenseFactor<W> weight(op.weight.as<W>(), depth, 1);
  multiply(rows, outs, depth, x, weight, epilogue_of(op), workers);
}

template <class X>
void linear(const Linear& op, Workers& workers) {
  const bool is_skinny = op.x.count() / op.x.shape[-1] <= most_skinny_rows;
  switch (op.weight.dtype) {
    case Dtype::bf16:
      if (!is_skinny) return packed<X, bf16>(op, workers);
      if constexpr (has_bf16_dot && sizeof(X) == sizeof(bf16))
        return skinny<Bf16PairWeights, X>(op, workers);
      return skinny<Bf16Weights, X>(op, workers);
    case Dtype::i8:
      return is_skinny ? skinny<WeightsInOrder<int8_t>, X>(op, workers)
                       : packed<X, int8_t>(op, workers);
    default:
      return is_skinny ? skinny<WeightsInOrder<float>, X>(op, workers)
                       : packed<X, float>(op, workers);
  }
}

}  // namespace

void run(const Linear& op, Workers& workers) {
  op.x.dtype == Dtype::f32 ? linear<float>(op, workers) : linear<bf16>(op, workers);
}

}  // namespace stylear::cpu
