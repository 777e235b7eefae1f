// The blocks of a device's memory: sizes rounded up to a few classes, what is released kept for the
// next who asks. Since a device has one in-order queue, a released block may be handed out at once.
//
// What is allocated between begin_recording and end_recording belongs to that recording: it is
// reused inside of it, and goes back to everyone's lists when the recording is forgotten, or when
// its holder lets go, whichever is later.
//
// A pool that does not reuse gives every block exactly as asked for, and back when it is released:
// for devices that check accesses.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <unordered_map>
#include <vector>

#include "device.h"

namespace stylear {

// Where a pool's blocks come from and go to.
class BlockSource {
 public:
  virtual ~BlockSource() = default;
  // A block aligned to 256 bytes; null when there is none.
  virtual void* take(int64_t bytes) = 0;
  // The queue may still be working on the block.
  virtual void give(void* block, int64_t bytes) = 0;
  // Returns when all that was given is really free.
  virtual void settle() = 0;
};

class Pool {
 public:
  explicit Pool(BlockSource& source, bool reuses = true) : source_(source), reuses_(reuses) {
    const char* failing = std::getenv("STYLEAR_TEST_FAIL_ALLOCATION");
    if (failing) calls_until_failure_ = std::atoll(failing);
  }
  // Gives everything back, also what was never released.
  ~Pool() {
    for (auto& [data, block] : blocks_) source_.give(data, block.bytes);
  }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // At least `bytes`, uninitialised. Throws ERR_OUT_OF_MEMORY.
  void* allocate(int64_t bytes) {
    if (calls_until_failure_ > 0 && --calls_until_failure_ == 0) fail(bytes);
    if (bytes > max_bytes) fail(bytes);
    const int index = class_of(bytes);
    Block* block = recording_ ? take_free(own_free_, index) : nullptr;
    if (!block) block = take_free(free_, index);
    if (!block) block = take_new(bytes, index);
    if (recording_ && block->recording != recording_) {
      block->recording = recording_;
      recordings_[recording_].push_back(block);
    }
    block->live = true;
    use_.live_bytes += block->bytes;
    ++use_.live_blocks;
    return block->data;
  }

  void release(void* data) {
    Block& block = blocks_.find(data)->second;
    block.live = false;
    use_.live_bytes -= block.bytes;
    --use_.live_blocks;
    if (!block.recording)
      keep(block);
    else if (block.recording == recording_ && reuses_)
      own_free_[class_of(block.bytes)].push_back(&block);
  }

  void begin_recording() { recording_ = ++last_recording_; }
  // The recording's number, to be forgotten once.
  int64_t end_recording() {
    for (auto& list : own_free_) list.clear();  // they stay with the recording
    return std::exchange(recording_, 0);
  }
  void forget(int64_t recording) {
    const auto found = recordings_.find(recording);
    if (found == recordings_.end()) return;
    for (Block* block : found->second) {
      block->recording = 0;
      if (!block->live) keep(*block);
    }
    recordings_.erase(found);
  }

  void trim() {
    for (auto& list : free_) {
      for (const Block* block : list) give(*block);
      list.clear();
    }
  }

  MemoryUse use() const { return use_; }

  // Classes are the multiples of 256 bytes that have five significant bits, so that a block is at
  // most 1/16 larger than what was asked for.
  static constexpr int64_t unit = 256;
  static constexpr int64_t max_bytes = int64_t{1} << 47;
  static constexpr int classes = 16 * 36;

  static int class_of(int64_t bytes) {
    const auto units = static_cast<uint64_t>(bytes <= unit ? 1 : (bytes + unit - 1) / unit);
    const int shift = std::bit_width(units) > 5 ? std::bit_width(units) - 5 : 0;
    return static_cast<int>(16 * shift + ((units + (uint64_t{1} << shift) - 1) >> shift));
  }
  static int64_t bytes_of_class(int index) {
    const int shift = index < 32 ? 0 : index / 16 - 1;
    return (int64_t{index} - 16 * shift) * unit << shift;
  }

 private:
  struct Block {
    void* data = nullptr;
    int64_t bytes = 0;
    int64_t recording = 0;  // whose it is; 0: nobody's
    bool live = false;      // allocated and not released
  };
  using FreeLists = std::array<std::vector<Block*>, classes>;

  // A block that is nobody's.
  void keep(Block& block) {
    if (reuses_)
      free_[class_of(block.bytes)].push_back(&block);
    else
      give(block);
  }
  void give(const Block& block) {
    use_.reserved_bytes -= block.bytes;
    source_.give(block.data, block.bytes);
    blocks_.erase(block.data);
  }

  // The smallest free block that is at most a quarter too large.
  static Block* take_free(FreeLists& lists, int index) {
    const int64_t most = bytes_of_class(index) / 4 * 5;
    for (int at = index; at < classes && bytes_of_class(at) <= most; ++at) {
      if (lists[at].empty()) continue;
      Block* block = lists[at].back();
      lists[at].pop_back();
      return block;
    }
    return nullptr;
  }

  Block* take_new(int64_t asked, int index) {
    const int64_t bytes = reuses_ ? bytes_of_class(index) : asked;
    void* data = source_.take(bytes);
    if (!data) {
      trim();
      source_.settle();
      data = source_.take(bytes);
    }
    if (!data) fail(asked);
    use_.reserved_bytes += bytes;
    Block& block = blocks_[data];
    block.data = data;
    block.bytes = bytes;
    return &block;
  }

  [[noreturn]] void fail(int64_t bytes) const {
    throw Error("ERR_OUT_OF_MEMORY", "allocate: expected " + std::to_string(bytes) +
                                         " bytes to be free, got none beside the " +
                                         std::to_string(use_.live_bytes) + " bytes in use in " +
                                         std::to_string(use_.live_blocks) + " blocks");
  }

  BlockSource& source_;
  bool reuses_;
  std::unordered_map<void*, Block> blocks_;
  FreeLists free_;      // everyone's
  FreeLists own_free_;  // the current recording's
  std::unordered_map<int64_t, std::vector<Block*>> recordings_;
  int64_t recording_ = 0;  // the current one; 0: none
  int64_t last_recording_ = 0;
  int64_t calls_until_failure_ = 0;  // for tests: counts down to a refused allocation
  MemoryUse use_;
};

}  // namespace stylear
