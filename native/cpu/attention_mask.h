// Which keys the query rows of a sequence see (core/ops/attention.h).
#pragma once

#include <algorithm>
#include <string>

#include "../core/error.h"
#include "../core/tensor.h"

namespace stylear::cpu {

class AttentionMask {
 public:
  template <class Op>
  AttentionMask(const Op& op, int64_t sequence) : causal_(op.causal) {
    const int64_t queries = op.q.shape[1], keys = op.k.shape[1];
    length_ = op.k_lengths.present() ? op.k_lengths.template as<int32_t>()[sequence] : keys;
    offset_ =
        op.q_offsets.present() ? op.q_offsets.template as<int32_t>()[sequence] : keys - queries;
    if (length_ < 0 || length_ > keys)
      throw Error("ERR_VALUE", std::string(op.name) + ": expected kLengths[" +
                                   std::to_string(sequence) + "] to be in [0, " +
                                   std::to_string(keys) + "], got " + std::to_string(length_));
  }

  // Row i sees the first seen(i) keys; never fewer than the row before it.
  int64_t seen(int64_t row) const {
    return causal_ ? std::clamp<int64_t>(offset_ + row + 1, 0, length_) : length_;
  }
  // The first row that sees key j, were there any number of rows; for a key below the length.
  int64_t first_row(int64_t key) const { return causal_ ? std::max<int64_t>(0, key - offset_) : 0; }

 private:
  bool causal_;
  int64_t length_ = 0, offset_ = 0;
};

}  // namespace stylear::cpu
