#include "workers.h"

#include "host/relax.h"

namespace stylear::cpu {

namespace {

constexpr uint64_t inside_mask = 0xffff, open_bit = 1 << 16, end_bit = 1 << 17;
constexpr int job_shift = 32;

// About 20 us: longer than the gap between two ops of a queue that has work, shorter than what a
// neighbour would miss.
constexpr int spins = 400;

// Set while this thread runs a piece.
thread_local void* piece_scratch = nullptr;
thread_local int piece_member = 0;

class InsidePiece {
 public:
  InsidePiece(Scratch& scratch, int member) {
    scratch.reset();
    piece_scratch = &scratch;
    piece_member = member;
  }
  ~InsidePiece() { piece_scratch = nullptr, piece_member = 0; }
};

}  // namespace

Workers::Workers(int threads) {
  for (int i = 0; i < (threads > 1 ? threads : 1); ++i)
    members_.push_back(std::make_unique<Member>());
  for (int i = 1; i < threads; ++i) members_[i]->thread = std::thread([this, i] { serve(i); });
}

Workers::~Workers() {
  state_.fetch_or(end_bit);
  bell_.fetch_add(1);
  bell_.notify_all();
  for (auto& member : members_)
    if (member->thread.joinable()) member->thread.join();
}

int Workers::member() { return piece_member; }

void* Workers::thread_scratch(int64_t bytes) {
  if (piece_scratch) return static_cast<Scratch*>(piece_scratch)->take(bytes);
  return members_[0]->scratch.take(bytes);
}

void Workers::share(int64_t count, int64_t grain, Piece piece, void* fn) {
  const int64_t pieces = (count + grain - 1) / grain;
  if (piece_scratch) {  // inside a piece: its scratch memory stays as it is
    for (int64_t begin = 0; begin < count; begin += grain)
      piece(fn, begin, begin + grain < count ? begin + grain : count);
    return;
  }
  if (pieces == 1 || threads() == 1) {
    for (int64_t begin = 0; begin < count; begin += grain) {
      const InsidePiece inside(members_[0]->scratch, 0);
      piece(fn, begin, begin + grain < count ? begin + grain : count);
    }
    return;
  }

  piece_ = piece, fn_ = fn, count_ = count, grain_ = grain;
  for (int i = 0; i < threads(); ++i) {
    members_[i]->next.store(pieces * i / threads(), std::memory_order_relaxed);
    members_[i]->end = pieces * (i + 1) / threads();
  }
  const uint64_t job = (state_.load(std::memory_order_relaxed) >> job_shift) + 1;
  state_.store(job << job_shift | open_bit);
  if (sleepers_.load() > 0) {
    bell_.fetch_add(1);
    bell_.notify_all();
  }

  work(0);
  state_.fetch_and(~open_bit);
  const auto alone = [&] { return (state_.load(std::memory_order_acquire) & inside_mask) == 0; };
  while (!spin_until(spins, alone)) {
    const uint32_t ticket = last_out_.load();
    if (!alone()) last_out_.wait(ticket);
  }

  if (failed_.load(std::memory_order_relaxed)) {
    failed_.store(false, std::memory_order_relaxed);
    const std::exception_ptr failure = std::exchange(failure_, nullptr);
    std::rethrow_exception(failure);
  }
}

// Claims pieces until none is left: first this member's, then those of the members after it.
void Workers::work(int member) {
  for (int i = 0; i < threads(); ++i) {
    Member& owner = *members_[(member + i) % threads()];
    for (;;) {
      const int64_t index = owner.next.fetch_add(1, std::memory_order_relaxed);
      if (index >= owner.end) break;
      if (!failed_.load(std::memory_order_relaxed)) run_piece(member, index);
    }
  }
}

void Workers::run_piece(int member, int64_t index) {
  const InsidePiece inside(members_[member]->scratch, member);
  const int64_t begin = index * grain_;
  try {
    piece_(fn_, begin, begin + grain_ < count_ ? begin + grain_ : count_);
  } catch (...) {
    const std::lock_guard lock(failure_lock_);
    if (!failed_.load(std::memory_order_relaxed)) failure_ = std::current_exception();
    failed_.store(true, std::memory_order_relaxed);
  }
}

// What a helper does all its life. A job is entered only while it is open, so one that wakes too
// late finds it closed and sees nothing of it.
void Workers::serve(int member) {
  uint64_t seen = 0;
  for (;;) {
    uint64_t state = 0;
    const auto called = [&] {
      state = state_.load();
      return (state & end_bit) || ((state & open_bit) && state >> job_shift != seen);
    };
    while (!spin_until(spins, called)) {
      sleepers_.fetch_add(1);
      const uint32_t ticket = bell_.load();
      if (!called()) bell_.wait(ticket);
      sleepers_.fetch_sub(1);
    }
    if (state & end_bit) return;
    if (!state_.compare_exchange_strong(state, state + 1)) continue;
    seen = state >> job_shift;
    work(member);
    const uint64_t left = state_.fetch_sub(1);
    if (!(left & open_bit) && (left & inside_mask) == 1) {
      last_out_.fetch_add(1);
      last_out_.notify_one();
    }
  }
}

}  // namespace stylear::cpu
