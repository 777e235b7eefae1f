// The team of threads that shares each op. The thread that calls for_each is one of them. Pieces
// are claimed one at a time, each thread first from its own stretch and then from the others', so a
// thread that lost its core delays the op by the piece it holds and no more. What a piece computes
// must not depend on who runs it or when.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "scratch.h"

namespace stylear::cpu {

class Workers {
 public:
  // At least 1; the calling thread is counted.
  explicit Workers(int threads);
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  int threads() const { return static_cast<int>(members_.size()); }

  // Calls fn(begin, end) for pieces that cover [0, count): each begins at a multiple of `grain` and
  // is `grain` long, the last one perhaps shorter. Returns when all are done. When some throw, the
  // exception of one of them is rethrown and pieces not yet begun are left out. Inside a piece,
  // for_each runs its pieces in order on the same thread.
  template <class F>
  void for_each(int64_t count, int64_t grain, F&& fn) {
    using Fn = std::remove_reference_t<F>;
    if (count <= 0) return;
    if (grain < 1) grain = 1;
    const Piece piece = [](void* f, int64_t begin, int64_t end) {
      (*static_cast<Fn*>(f))(begin, end);
    };
    share(count, grain, piece, const_cast<void*>(static_cast<const void*>(&fn)));
  }

  // Which thread runs this piece, in [0, threads()); 0 outside of a piece.
  static int member();

  // A grain that cuts `count` into about eight pieces a thread, but none shorter than `smallest`:
  // enough pieces for a team whose cores are shared with others, few enough that claiming is free.
  int64_t grain(int64_t count, int64_t smallest = 1) const {
    const int64_t even = (count + 8 * threads() - 1) / (8 * threads());
    return even > smallest ? even : smallest;
  }

  // Calls fn(thread) once for each number in [0, threads()); which thread runs it is not said.
  template <class F>
  void for_each_thread(F&& fn) {
    for_each(threads(), 1, [&](int64_t begin, int64_t) { fn(static_cast<int>(begin)); });
  }

  // Uninitialised memory, aligned to 64 bytes, for all threads of the running op; valid until its
  // `run` returns. Several calls give several blocks. Not to be called inside a piece.
  void* scratch(int64_t bytes) { return shared_scratch_.take(bytes); }

  // The same for one piece: valid until that piece returns. Called outside of a piece, valid until
  // the next for_each.
  void* thread_scratch(int64_t bytes);

  template <class T>
  T* scratch_of(int64_t count) {
    return static_cast<T*>(scratch(count * static_cast<int64_t>(sizeof(T))));
  }
  template <class T>
  T* thread_scratch_of(int64_t count) {
    return static_cast<T*>(thread_scratch(count * static_cast<int64_t>(sizeof(T))));
  }

  // Called by the device after each op: its scratch memory is free again.
  void finish_op() { shared_scratch_.reset(); }

 private:
  using Piece = void (*)(void* fn, int64_t begin, int64_t end);

  struct alignas(64) Member {
    std::atomic<int64_t> next{0};  // the first piece of this member's stretch nobody has claimed
    int64_t end = 0;               // one past the last
    Scratch scratch;
    std::thread thread;  // empty for member 0, who is the caller
  };

  void share(int64_t count, int64_t grain, Piece piece, void* fn);
  void work(int member);
  void run_piece(int member, int64_t index);
  void serve(int member);

  std::vector<std::unique_ptr<Member>> members_;
  Scratch shared_scratch_;

  // The running job; written before it is opened, read by those who entered.
  Piece piece_ = nullptr;
  void* fn_ = nullptr;
  int64_t count_ = 0, grain_ = 1;
  std::atomic<bool> failed_{false};
  std::mutex failure_lock_;
  std::exception_ptr failure_;

  // Bits 0..15: how many helpers are inside the job. Bit 16: it is open to be entered. Bit 17: the
  // team is to end. Bits 32..: which job it is.
  alignas(64) std::atomic<uint64_t> state_{0};
  alignas(64) std::atomic<uint32_t> bell_{0};  // rung for helpers that sleep
  std::atomic<int> sleepers_{0};
  alignas(64) std::atomic<uint32_t> last_out_{0};  // rung for a caller that sleeps
};

}  // namespace stylear::cpu
