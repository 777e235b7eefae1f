// A library with the functions of cuBLASLt that native/cuda uses, by the names and numbers of
// NVIDIA's documentation: it multiplies on the host, column-major as cuBLASLt does.
#include "stand_in.h"

#include <cstddef>
#include <vector>

#include "core/bf16.h"

using stylear::bf16;

#define EXPORTED extern "C" __attribute__((visibility("default")))

EXPORTED StandIn stand_in;
StandIn stand_in;

namespace {

constexpr int invalid_value = 7, not_supported = 15;
constexpr int real_f32 = 0, real_bf16 = 14, compute_f32 = 68;

struct Handle {};
struct Description {
  int32_t transpose_a = 0, transpose_b = 0;
};
struct Layout {
  int type;
  uint64_t rows, cols;
  int64_t ld;
  float at(const void* data, uint64_t row, uint64_t col) const {
    const uint64_t i = row + col * static_cast<uint64_t>(ld);
    return type == real_f32 ? static_cast<const float*>(data)[i]
                            : float(static_cast<const bf16*>(data)[i]);
  }
};
struct Preference {
  uint64_t workspace = 0;
  uint32_t reductions = 7, alignments[4] = {256, 256, 256, 256};
};
struct Heuristic {
  uint64_t algorithm[8];
  size_t workspace_bytes;
  int state;
  float waves;
  int reserved[4];
};
constexpr uint64_t chosen = 0x5354594c;
constexpr size_t workspace_wanted = 4096;

template <class T, class... A>
int create(T** made, A... a) {
  *made = new T{a...};
  ++stand_in.objects;
  return 0;
}
template <class T>
int destroy(T* object) {
  delete object;
  --stand_in.objects;
  return 0;
}
template <class T>
int take(T& to, const void* from, size_t bytes) {
  if (bytes != sizeof(T)) return invalid_value;
  to = *static_cast<const T*>(from);
  return 0;
}

// Rows and columns of op(matrix).
struct Extent {
  uint64_t rows, cols;
};
Extent extent(const Layout& layout, int32_t transposed) {
  return transposed ? Extent{layout.cols, layout.rows} : Extent{layout.rows, layout.cols};
}

bool fit(const Description& d, const Layout& a, const Layout& b, const Layout& c) {
  const Extent left = extent(a, d.transpose_a), right = extent(b, d.transpose_b);
  for (const Layout* layout : {&a, &b, &c})
    if (layout->ld < static_cast<int64_t>(layout->rows)) return false;
  return left.cols == right.rows && left.rows == c.rows && right.cols == c.cols &&
         a.type == b.type && (c.type == a.type || c.type == real_f32);
}

}  // namespace

EXPORTED int cublasLtCreate(Handle** handle) {
  if (stand_in.create_status != 0) return stand_in.create_status;
  *handle = new Handle;
  ++stand_in.handles;
  return 0;
}
EXPORTED int cublasLtMatmulDescCreate(Description** made, int compute_type, int scale_type) {
  return compute_type == compute_f32 && scale_type == real_f32 ? create(made) : invalid_value;
}
EXPORTED int cublasLtMatmulDescSetAttribute(Description* d, int attribute, const void* value,
                                            size_t bytes) {
  if (attribute == 3) return take(d->transpose_a, value, bytes);
  if (attribute == 4) return take(d->transpose_b, value, bytes);
  return invalid_value;
}
EXPORTED int cublasLtMatmulDescDestroy(Description* d) { return destroy(d); }
EXPORTED int cublasLtMatrixLayoutCreate(Layout** made, int type, uint64_t rows, uint64_t cols,
                                        int64_t ld) {
  if (type != real_f32 && type != real_bf16) return invalid_value;
  return create(made, type, rows, cols, ld);
}
EXPORTED int cublasLtMatrixLayoutDestroy(Layout* layout) { return destroy(layout); }
EXPORTED int cublasLtMatmulPreferenceCreate(Preference** made) { return create(made); }
EXPORTED int cublasLtMatmulPreferenceSetAttribute(Preference* p, int attribute, const void* value,
                                                  size_t bytes) {
  if (attribute == 1) return take(p->workspace, value, bytes);
  if (attribute == 3) return take(p->reductions, value, bytes);
  if (attribute >= 5 && attribute < 9) return take(p->alignments[attribute - 5], value, bytes);
  return invalid_value;
}
EXPORTED int cublasLtMatmulPreferenceDestroy(Preference* p) { return destroy(p); }

EXPORTED int cublasLtMatmulAlgoGetHeuristic(Handle*, Description* d, Layout* a, Layout* b,
                                            Layout* c, Layout* y, Preference* p, int asked,
                                            Heuristic* ways, int* found) {
  *found = 0;
  if (asked < 1 || !fit(*d, *a, *b, *c) || !fit(*d, *a, *b, *y)) return invalid_value;
  ++stand_in.plans;
  stand_in.reductions = p->reductions;
  stand_in.workspace = p->workspace;
  for (int i = 0; i < 4; ++i) stand_in.alignments[i] = p->alignments[i];
  if (!stand_in.knows_a_way) return not_supported;
  *ways = {{chosen}, workspace_wanted, 0, 1, {}};
  *found = 1;
  return 0;
}

EXPORTED int cublasLtMatmul(Handle*, Description* d, const float* alpha, const void* a_data,
                            Layout* a, const void* b_data, Layout* b, const float* beta,
                            const void* c_data, Layout* c, void* y_data, Layout* y,
                            const uint64_t* algorithm, void* workspace, size_t bytes, void*) {
  if (stand_in.multiply_status != 0) return stand_in.multiply_status;
  if (algorithm[0] != chosen || !workspace || bytes < workspace_wanted) return invalid_value;
  if (!fit(*d, *a, *b, *c) || !fit(*d, *a, *b, *y)) return invalid_value;
  const uint64_t inner = extent(*a, d->transpose_a).cols;
  for (uint64_t row = 0; row < y->rows; ++row)
    for (uint64_t col = 0; col < y->cols; ++col) {
      double sum = 0;
      for (uint64_t t = 0; t < inner; ++t)
        sum += double{d->transpose_a ? a->at(a_data, t, row) : a->at(a_data, row, t)} *
               (d->transpose_b ? b->at(b_data, col, t) : b->at(b_data, t, col));
      const float before = *beta == 0 ? 0 : *beta * c->at(c_data, row, col);
      const float value = *alpha * static_cast<float>(sum) + before;
      const uint64_t i = row + col * static_cast<uint64_t>(y->ld);
      if (y->type == real_f32)
        static_cast<float*>(y_data)[i] = value;
      else
        static_cast<bf16*>(y_data)[i] = bf16(value);
    }
  return 0;
}
