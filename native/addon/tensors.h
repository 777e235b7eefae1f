// Storages and the tensors on them. A tensor is a number to JavaScript: a slot of its device's
// table and the slot's generation, so that the number of a disposed tensor fits nothing again.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/error.h"
#include "core/tensor.h"
#include "mapped_file.h"

namespace stylear::addon {

// One allocation, or a part of a mapped file used in place. Counted by the tensors on it and the
// graphs that touch it.
struct Storage {
  void* data = nullptr;
  int64_t bytes = 0;
  int64_t uses = 1;
  int64_t recording = 0;               // in which it was allocated; 0: in none
  std::shared_ptr<MappedFile> mapped;  // null when it is the device's own memory

  bool read_only() const { return mapped != nullptr; }
};

class TensorTable {
 public:
  // Shares `storage`, whose count the caller has raised.
  double add(const TensorView& view, Storage* storage) {
    uint32_t slot;
    if (free_.empty()) {
      if (slots_.size() >= slot_limit)
        throw Error("ERR_OUT_OF_MEMORY", "tensor: expected fewer than 67108864 live tensors");
      slot = static_cast<uint32_t>(slots_.size());
      slots_.reserve(slots_.size() + 1);
      free_.reserve(slots_.capacity());  // so that removing never throws
      slots_.push_back({});
    } else {
      slot = free_.back();
      free_.pop_back();
    }
    Slot& entry = slots_[slot];
    entry.view = view;
    entry.storage = storage;
    ++live_;
    return static_cast<double>(slot + slot_limit * uint64_t{entry.generation});
  }

  struct Slot {
    TensorView view;
    Storage* storage = nullptr;  // null while the slot is free
    uint32_t generation = 1;
  };

  // Null when the handle is of no live tensor.
  const Slot* find(double handle) const {
    const auto number = static_cast<uint64_t>(handle >= 0 ? handle : 0);
    const uint64_t slot = number % slot_limit;
    if (slot >= slots_.size()) return nullptr;
    const Slot& entry = slots_[slot];
    return entry.storage && entry.generation == number / slot_limit ? &entry : nullptr;
  }

  // The storage the tensor was on, for the caller to release.
  Storage* remove(double handle) {
    const Slot* found = find(handle);
    if (!found) return nullptr;
    Slot& entry = slots_[static_cast<size_t>(found - slots_.data())];
    entry.generation = entry.generation % (slot_limit - 1) + 1;
    --live_;
    free_.push_back(static_cast<uint32_t>(found - slots_.data()));
    Storage* storage = entry.storage;
    entry.storage = nullptr;
    return storage;
  }

  int64_t live() const { return live_; }

  template <class Visit>
  void for_each(Visit&& visit) {
    for (const Slot& entry : slots_)
      if (entry.storage) visit(entry);
  }

 private:
  static constexpr uint64_t slot_limit = uint64_t{1} << 26;

  std::vector<Slot> slots_;
  std::vector<uint32_t> free_;
  int64_t live_ = 0;
};

}  // namespace stylear::addon
