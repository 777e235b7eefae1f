// Two regimes. Up to `most_skinny_rows` rows the product is bound by reading the weights, which
// skinny.h does once and in place. Above, weights are packed for the arithmetic-bound gemm.h.
#include "core/ops/linear.h"

#include <algorithm>

#include "cpu/epilogue.h"
#include "cpu/first_cache.h"
#include "cpu/gemm.h"
#include "cpu/run.h"
#include "cpu/skinny.h"

namespace stylear::cpu {

namespace {

// The contract of the op: rows beside each other change no bits up to here. It is also where the
// two meet: [24576, 4096] in bf16 on one thread with AVX-512 ran at 143 GFLOP/s with 64 rows read
// in place, at 134 with 65 rows packed, at 148 with 96; i8 at 133, 142 and 156.
constexpr int64_t most_skinny_rows = 64;

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
  float* room = workers.scratch_of<float>(Activations<Weights>::floats(rows, depth));
  const Activations<Weights> x(room, rows, depth);
  workers.for_each(rows, 4, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) x.write_row(row, op.x.as<X>() + row * depth);
  });

  using Product = SkinnyProduct<Weights>;
  const Product product(op.weight.as<typename Weights::Weight>(), depth, x, rows);
  const Epilogue epilogue = epilogue_of(op);
  workers.for_each(outs, skinny_outs, [&](int64_t begin, int64_t end) {
    float* waiting = workers.thread_scratch_of<float>(Product::sums_floats(rows));
    product.multiply(begin, end - begin, waiting, [&](int64_t row, const float* sums) {
      epilogue.take(row, 1, begin, static_cast<int>(end - begin), sums);
    });
  });
}

template <template <FirstCache> class Weights, class X>
void skinny_pairs(const Linear& op, Workers& workers) {
  static const bool large = first_cache_bytes() >= 48 * 1024;
  large ? skinny<Weights<FirstCache::large>, X>(op, workers)
        : skinny<Weights<FirstCache::small>, X>(op, workers);
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
        return skinny_pairs<Bf16PairWeights, X>(op, workers);
      return skinny<Bf16Weights, X>(op, workers);
    case Dtype::i8:
      if (!is_skinny) return packed<X, int8_t>(op, workers);
      if constexpr (has_bf16_dot && sizeof(X) == sizeof(bf16))
        return skinny_pairs<I8PairWeights, X>(op, workers);
      return skinny<WeightsInOrder<int8_t>, X>(op, workers);
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
