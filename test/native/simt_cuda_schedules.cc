// Random programs for the host side of the CUDA device, held against a plain model: uploads, ops,
// downloads, recordings, replays, releases and trims in flight, under every schedule of the
// emulated runtime. STYLEAR_TEST_ROUNDS=1000 for the long run.
#include <cstdlib>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "core/device.h"
#include "expect.h"
#include "simt_cuda/runtime.h"

using namespace stylear;

extern "C" const DeviceLibrary* stylear_device_library();

namespace {

// A tensor as it has to be once everything enqueued so far is done.
struct Tensor {
  void* data;
  std::vector<float> values;
  int64_t count() const { return static_cast<int64_t>(values.size()); }
};
struct Download {
  std::vector<float> got, expected;
};
struct Recorded {
  std::unique_ptr<Graph> graph;
  std::function<void()> replay;  // on the model
  std::vector<std::shared_ptr<Tensor>> touched;
};

template <class Role>
Role view(const Tensor& tensor) {
  Role role;
  role.data = tensor.data, role.shape = {tensor.count()};
  return role;
}

class Program {
 public:
  explicit Program(uint64_t seed) : random_(seed), device_(stylear_device_library()->open({})) {}

  void run(int steps) {
    for (int step = 0; step < steps; ++step) {
      const int kind = below(20);
      if (tensors_.size() < 3 || kind < 2)
        make();
      else if (kind < 4)
        release(below(static_cast<int>(tensors_.size())));
      else if (kind < 7)
        upload(any());
      else if (kind < 11)
        compute();
      else if (kind < 14)
        download(any());
      else if (kind < 15)
        record();
      else if (kind < 18)
        replay();
      else if (kind < 19)
        drop_graph();
      else
        device_->trim();
    }
  }
  // Closes it with work under way, or after it; then everything that was read has to be there.
  void end() {
    if (below(2)) drop_graph();
    graphs_.clear();
    device_.reset();
    EXPECT(called_ == static_cast<int>(downloads_.size()));
    for (const auto& one : downloads_) EXPECT(one->got == one->expected);
  }

 private:
  using Shared = std::shared_ptr<Tensor>;

  int below(int n) { return static_cast<int>(random_() % static_cast<uint64_t>(n)); }
  const Shared& any() {
    return tensors_[static_cast<size_t>(below(static_cast<int>(tensors_.size())))];
  }

  Shared made(int64_t count) {
    return std::make_shared<Tensor>(
        Tensor{device_->allocate(count * 4), std::vector<float>(static_cast<size_t>(count))});
  }
  void fill(const Shared& tensor, float value) {
    Fill op{};
    op.y = view<Out>(*tensor), op.value = value;
    device_->submit(op);
  }
  void make() {
    const int64_t counts[] = {1, 7, 64, 1000, 40000, 1 << 18, 1300000};
    const int size = below(50);  // few large ones
    const Shared& tensor = tensors_.emplace_back(made(counts[size < 48 ? size % 5 : size - 43]));
    fill(tensor, 1);
    tensor->values.assign(tensor->values.size(), 1);
  }
  void release(int index) {
    const Shared tensor = tensors_[static_cast<size_t>(index)];
    tensors_.erase(tensors_.begin() + index);
    free_when_unused(tensor);
  }
  // A graph keeps what it touches, as the addon sees to.
  void free_when_unused(const Shared& tensor) {
    for (const Recorded& one : graphs_)
      for (const Shared& other : one.touched)
        if (other == tensor) return;
    for (const Shared& other : tensors_)
      if (other == tensor) return;
    device_->release(tensor->data);
  }
  void upload(const Shared& tensor) {
    for (float& value : tensor->values) value = static_cast<float>(below(100));
    std::vector<float> passing = tensor->values;
    device_->upload(tensor->data, passing.data(), tensor->count() * 4);
    passing.assign(passing.size(), -1);
  }
  void download(const Shared& tensor) {
    const auto& one = downloads_.emplace_back(std::make_unique<Download>());
    one->got.resize(tensor->values.size());
    one->expected = tensor->values;
    device_->download(one->got.data(), tensor->data, tensor->count() * 4);
    device_->notify([this](const Error* failure) { called_ += failure == nullptr; });
  }

  // One op or copy; what it does to the model, done once here unless it is recorded.
  std::function<void()> one_op(const Shared& x, const Shared& z) {
    const float value = static_cast<float>(below(50));
    if (x->count() != z->count() || x == z || below(4) == 0) {
      fill(z, value);
      return [=] { z->values.assign(z->values.size(), value); };
    }
    if (below(3) == 0) {
      device_->copy(z->data, x->data, z->count() * 4);
      return [=] { z->values = x->values; };
    }
    Add op{};
    op.x = view<In>(*x), op.z = view<Out>(*z);
    static_cast<TensorView&>(op.y) = view<In>(*z);
    op.alpha = 1, op.beta = 0.5f;
    device_->submit(op);
    return [=] {
      for (size_t i = 0; i < z->values.size(); ++i)
        z->values[i] = x->values[i] + 0.5f * z->values[i];
    };
  }
  void compute() {
    const Shared x = any();
    one_op(x, partner(x))();
  }
  // Of the same size, if there is one: otherwise few pairs would fit.
  Shared partner(const Shared& tensor) {
    for (const Shared& other : tensors_)
      if (other != tensor && other->count() == tensor->count() && below(2)) return other;
    return tensor;
  }

  void record() {
    Recorded recorded;
    std::vector<std::function<void()>> effects;
    device_->begin_recording();
    Shared own;
    for (int i = 0, ops = 1 + below(6); i < ops; ++i) {
      const Shared x = any(), z = partner(x);
      effects.push_back(one_op(x, z));
      recorded.touched.insert(recorded.touched.end(), {x, z});
      // Through memory that belongs to the recording.
      own = made(z->count());
      device_->copy(own->data, z->data, z->count() * 4);
      device_->copy(z->data, own->data, z->count() * 4);
      device_->release(own->data);
      if (below(8) == 0) device_->trim();
      if (below(8) == 0) drop_graph();
    }
    recorded.graph = device_->end_recording();
    recorded.replay = [effects = std::move(effects)] {
      for (const auto& effect : effects) effect();
    };
    graphs_.push_back(std::move(recorded));
  }
  void replay() {
    if (graphs_.empty()) return;
    const Recorded& one = graphs_[static_cast<size_t>(below(static_cast<int>(graphs_.size())))];
    one.graph->replay();
    one.replay();
  }
  void drop_graph() {
    if (graphs_.empty()) return;
    const size_t index = static_cast<size_t>(below(static_cast<int>(graphs_.size())));
    Recorded dropped = std::move(graphs_[index]);
    graphs_.erase(graphs_.begin() + static_cast<std::ptrdiff_t>(index));
    dropped.graph.reset();
    std::vector<Shared> seen;
    for (const Shared& tensor : dropped.touched) {
      bool again = false;
      for (const Shared& other : seen) again = again || other == tensor;
      seen.push_back(tensor);
      if (!again) free_when_unused(tensor);
    }
  }

  std::mt19937_64 random_;
  std::unique_ptr<Device> device_;
  std::vector<Shared> tensors_;
  std::vector<Recorded> graphs_;
  std::vector<std::unique_ptr<Download>> downloads_;
  std::atomic<int> called_{0};
};

}  // namespace

int main() {
  const char* rounds = std::getenv("STYLEAR_TEST_ROUNDS");
  for (int seed = 0; seed < (rounds ? std::atoi(rounds) : 12); ++seed) {
    const char* schedules[] = {"late", "early", "random"};
    setenv("STYLEAR_SIMT_ASYNC", schedules[seed % 3], 1);
    setenv("STYLEAR_SIMT_SEED", std::to_string(seed).c_str(), 1);
    const int before = failures;
    Program program(static_cast<uint64_t>(seed));
    program.run(150);
    program.end();
    if (failures > before) std::printf("in the program of seed %d\n", seed);
  }
  return outcome();
}
