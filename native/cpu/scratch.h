// Uninitialised memory for the duration of one op (or of one piece of it): taken by moving a mark,
// given back all at once. What one op needed stays for the next, so a steady loop allocates
// nothing.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <new>
#include <vector>

namespace stylear::cpu {

class Scratch {
 public:
  static constexpr int64_t alignment = 64;

  Scratch() = default;
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() { drop(); }

  // Valid until `reset`. Throws std::bad_alloc.
  void* take(int64_t bytes) {
    bytes = (bytes + alignment - 1) / alignment * alignment;
    if (blocks_.empty() || used_ + bytes > blocks_.back().bytes) add_block(bytes);
    void* taken = blocks_.back().data + used_;
    used_ += bytes;
    return taken;
  }

  void reset() {
    if (blocks_.size() > 1) {  // next time one block shall do
      const int64_t bytes = total_;
      drop();
      add_block(bytes);
    }
    used_ = 0;
  }

 private:
  struct Block {
    char* data;
    int64_t bytes;
  };

  void add_block(int64_t bytes) {
    constexpr int64_t smallest = 64 << 10;
    if (bytes < smallest) bytes = smallest;
    blocks_.reserve(blocks_.size() + 1);
    auto* data = static_cast<char*>(std::aligned_alloc(alignment, static_cast<size_t>(bytes)));
    if (!data) throw std::bad_alloc();
    blocks_.push_back({data, bytes});
    total_ += bytes;
    used_ = 0;
  }
  void drop() {
    for (const Block& block : blocks_) std::free(block.data);
    blocks_.clear();
    total_ = 0;
  }

  std::vector<Block> blocks_;
  int64_t used_ = 0;   // of the last block
  int64_t total_ = 0;  // of all blocks
};

}  // namespace stylear::cpu
