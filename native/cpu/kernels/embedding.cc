#include "../../core/ops/embedding.h"

#include <algorithm>
#include <type_traits>
#include <vector>

#include "../dispatch.h"
#include "../run.h"
#include "../workers.h"

namespace stylear::cpu {

namespace {

[[noreturn]] void out_of_range(const char* op, const char* what, int64_t id, int64_t count) {
  throw Error("ERR_VALUE", std::string(op) + ": expected " + what + " to be in [0, " +
                               std::to_string(count) + "), got " + std::to_string(id));
}

template <class From, class To>
void copy_row(const From* from, To* to, int64_t width) {
  if constexpr (std::is_same_v<From, To>)
    std::copy_n(from, width, to);
  else
    for (int64_t c = 0; c < width; ++c) to[c] = To(static_cast<float>(from[c]));
}

// One piece: the rows [begin, end) of a table's gradient. Its tokens are put in order of (row,
// token) and each row is summed in f32 before it is stored.
template <class Dy, class To>
void scatter_rows(const Dy* dy, int64_t tokens, int64_t width, int64_t begin, int64_t end,
                  const std::vector<int64_t>& rows, To* out, float* sum) {
  std::vector<std::pair<int64_t, int64_t>> hits;
  for (int64_t t = 0; t < tokens; ++t)
    if (rows[t] >= begin && rows[t] < end) hits.emplace_back(rows[t], t);
  std::sort(hits.begin(), hits.end());
  std::fill(out + begin * width, out + end * width, To(0.0f));
  for (size_t h = 0; h < hits.size();) {
    const int64_t row = hits[h].first;
    std::fill_n(sum, width, 0.0f);
    for (; h < hits.size() && hits[h].first == row; ++h) {
      const Dy* from = dy + hits[h].second * width;
      for (int64_t c = 0; c < width; ++c) sum[c] += static_cast<float>(from[c]);
    }
    copy_row(sum, out + row * width, width);
  }
}

// `rows[t]` is the row of `out` that token t belongs to, or -1.
void scatter(const EmbeddingBackward& op, const MaybeOut& out, const std::vector<int64_t>& rows,
             Workers& workers) {
  const int64_t width = op.dy.shape[-1], tokens = op.ids.count(), count = out.shape[0];
  workers.for_each(count, workers.grain(count, 16), [&](int64_t begin, int64_t end) {
    float* sum = workers.thread_scratch_of<float>(width);
    with_float(op.dy.dtype, [&](auto zero) {
      with_float(out.dtype, [&](auto to) {
        scatter_rows(op.dy.as<decltype(zero)>(), tokens, width, begin, end, rows,
                     out.as<decltype(to)>(), sum);
      });
    });
  });
}

}  // namespace

void run(const Embedding& op, Workers& workers) {
  const int64_t width = op.table.shape[1], tokens = op.ids.count();
  const int32_t* ids = op.ids.as<int32_t>();
  const int32_t* slots = op.slots.as<int32_t>();
  workers.for_each(tokens, std::max<int64_t>(1, 8192 / width), [&](int64_t begin, int64_t end) {
    with_float(op.y.dtype, [&](auto zero) {
      using To = decltype(zero);
      for (int64_t t = begin; t < end; ++t) {
        To* y = op.y.as<To>() + t * width;
        if (slots && slots[t] >= 0) {
          if (slots[t] >= op.rows.shape[0])
            out_of_range(Embedding::name, "slots", slots[t], op.rows.shape[0]);
          copy_row(op.rows.as<To>() + slots[t] * width, y, width);
          continue;
        }
        if (ids[t] < 0 || ids[t] >= op.table.shape[0])
          out_of_range(Embedding::name, "ids", ids[t], op.table.shape[0]);
        with_float(op.table.dtype, [&](auto from) {
          copy_row(op.table.as<decltype(from)>() + ids[t] * width, y, width);
        });
      }
    });
  });
}

void run(const EmbeddingBackward& op, Workers& workers) {
  const int64_t tokens = op.ids.count();
  const int32_t* ids = op.ids.as<int32_t>();
  const int32_t* slots = op.slots.as<int32_t>();
  std::vector<int64_t> rows(tokens);
  if (op.dtable.present()) {
    for (int64_t t = 0; t < tokens; ++t) {
      const bool overwritten = slots && slots[t] >= 0;
      if (!overwritten && (ids[t] < 0 || ids[t] >= op.dtable.shape[0]))
        out_of_range(EmbeddingBackward::name, "ids", ids[t], op.dtable.shape[0]);
      rows[t] = overwritten ? -1 : ids[t];
    }
    scatter(op, op.dtable, rows, workers);
  }
  if (op.drows.present()) {
    for (int64_t t = 0; t < tokens; ++t) {
      if (slots[t] >= op.drows.shape[0])
        out_of_range(EmbeddingBackward::name, "slots", slots[t], op.drows.shape[0]);
      rows[t] = slots[t];
    }
    scatter(op, op.drows, rows, workers);
  }
}

}  // namespace stylear::cpu
