// Where the rows of a sequence lie in a paged key-value cache [pages, kvHeads, pageTokens,
// headDim].
#pragma once

#include "../core/error.h"
#include "../core/tensor.h"

namespace stylear::cpu {

class PageTable {
 public:
  // `rows` is the argument of the op that says which rows there are.
  PageTable(const char* op, const char* rows, const TensorView& table, const TensorView& pages)
      : op_(op),
        rows_(rows),
        entries_(static_cast<const int32_t*>(table.data)),
        max_pages_(table.shape[1]),
        pages_(pages.shape[0]),
        heads_(pages.shape[1]),
        page_tokens_(pages.shape[2]),
        dim_(pages.shape[3]) {}

  int64_t page_tokens() const { return page_tokens_; }

  // The element at which row `token` of a sequence begins for head 0; heads are head_stride()
  // apart. Throws when the table does not say.
  int64_t row(int64_t sequence, int64_t token) const {
    const int64_t column = token / page_tokens_;
    if (column >= max_pages_)
      fail(std::string(rows_) + " of sequence " + std::to_string(sequence),
           "within its " + std::to_string(max_pages_) + " pages", "row " + std::to_string(token));
    const int32_t page = entries_[sequence * max_pages_ + column];
    if (page < 0 || page >= pages_)
      fail("table[" + std::to_string(sequence) + ", " + std::to_string(column) + "]",
           "in [0, " + std::to_string(pages_) + ")", std::to_string(page));
    return (page * heads_ * page_tokens_ + token % page_tokens_) * dim_;
  }
  int64_t head_stride() const { return page_tokens_ * dim_; }

 private:
  [[noreturn]] void fail(const std::string& what, const std::string& expected,
                         const std::string& got) const {
    throw Error("ERR_VALUE",
                std::string(op_) + ": expected " + what + " to be " + expected + ", got " + got);
  }

  const char *op_, *rows_;
  const int32_t* entries_;
  int64_t max_pages_, pages_, heads_, page_tokens_, dim_;
};

}  // namespace stylear::cpu
