// Attention of core/ops/attention.h in terms of the kernels of attention_*.cu.
#include "../run.h"
#include "attention.cuh"

namespace stylear::cuda {
namespace {

// What the forward and the backward op say alike.
template <class T, class Op>
AttentionShape shape_of(const Op& op, Stream& stream) {
  AttentionShape p;
  const Shape &q = op.q.shape, &k = op.k.shape;
  p.q_offsets = op.q_offsets.template as<int>();
  p.k_lengths = op.k_lengths.template as<int>();
  p.sequences = static_cast<int>(q[0]);
  p.queries = static_cast<int>(q[1]);
  p.heads = static_cast<int>(q[2]);
  p.dim = static_cast<int>(q[3]);
  p.keys = static_cast<int>(k[1]);
  p.kv_heads = static_cast<int>(k[2]);
  p.scale = op.scale;
  p.causal = op.causal;
  p.wide = rows_are_wide<T>(p.dim, op.q.data, op.k.data, op.v.data, op.y.data);
  p.length_fault = stream.fault(Op::name, "kLengths", 0, int64_t{p.keys} + 1);
  return p;
}

template <class T>
Heads<T> heads_of(T* data, const Shape& shape) {
  return dense_heads(data, shape[1], shape[2], shape[3]);
}

template <class T>
void forward(const Attention& op, Stream& stream) {
  AttentionForward<T> p{shape_of<T>(op, stream)};
  p.q = heads_of(op.q.as<T>(), op.q.shape);
  p.k = heads_of(op.k.as<T>(), op.k.shape);
  p.v = heads_of(op.v.as<T>(), op.v.shape);
  p.y = heads_of(op.y.as<T>(), op.y.shape);
  p.lse = op.lse.as<float>();
  attend(p, stream);
}

template <class T>
void backward(const AttentionBackward& op, Stream& stream) {
  AttentionGradient<T> p{shape_of<T>(op, stream)};
  p.wide = p.wide && rows_are_wide<T>(p.dim, op.dy.data, op.dq.data, op.dk.data, op.dv.data);
  p.q = heads_of(op.q.as<T>(), op.q.shape);
  p.k = heads_of(op.k.as<T>(), op.k.shape);
  p.v = heads_of(op.v.as<T>(), op.v.shape);
  p.y = heads_of(op.y.as<T>(), op.y.shape);
  p.dy = heads_of(op.dy.as<T>(), op.dy.shape);
  p.lse = op.lse.as<float>();
  p.delta = stream.scratch<float>(op.lse.count());
  p.dq = heads_of(op.dq.as<T>(), op.dq.shape);
  p.dk = heads_of(op.dk.as<T>(), op.dk.shape);
  p.dv = heads_of(op.dv.as<T>(), op.dv.shape);
  attend_backward(p, stream);
}

}  // namespace

void run(const Attention& op, Stream& stream) {
  op.q.dtype == Dtype::f32 ? forward<float>(op, stream) : forward<bf16>(op, stream);
}

void run(const AttentionBackward& op, Stream& stream) {
  op.q.dtype == Dtype::f32 ? backward<float>(op, stream) : backward<bf16>(op, stream);
}

}  // namespace stylear::cuda
