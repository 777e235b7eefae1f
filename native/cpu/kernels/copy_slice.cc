#include "../../core/ops/copy_slice.h"

#include <algorithm>
#include <cstring>

#include "../run.h"
#include "../workers.h"

namespace stylear::cpu {

// Each index before `axis` owns one contiguous run of bytes; runs are shared out in pieces of about
// 64 KiB.
void run(const CopySlice& op, Workers& workers) {
  const int64_t inner = op.x.shape.count(op.axis + 1) * bytes_of(op.x.dtype);
  const int64_t outer = op.axis == 0 ? 1 : op.x.shape.count(0, op.axis);
  const int64_t x_step = op.x.shape[op.axis] * inner, y_step = op.y.shape[op.axis] * inner;
  const int64_t bytes = op.length * inner;
  const char* x = op.x.as<char>() + op.x_begin * inner;
  char* y = op.y.as<char>() + op.y_begin * inner;
  constexpr int64_t piece = 64 << 10;
  if (bytes >= 2 * piece) {
    for (int64_t o = 0; o < outer; ++o)
      workers.for_each(bytes, piece, [&](int64_t begin, int64_t end) {
        std::memcpy(y + o * y_step + begin, x + o * x_step + begin, end - begin);
      });
    return;
  }
  workers.for_each(outer, std::max<int64_t>(1, piece / bytes), [&](int64_t begin, int64_t end) {
    for (int64_t o = begin; o < end; ++o) std::memcpy(y + o * y_step, x + o * x_step, bytes);
  });
}

}  // namespace stylear::cpu
