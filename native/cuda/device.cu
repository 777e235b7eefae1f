// A GPU as a device: one stream, a pool of its memory, copies through pinned memory, and a thread
// that waits for what was enqueued. A failure, of a kernel or reported by one, stops it.
#include "device.h"

#include <algorithm>
#include <cstring>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "../core/pool.h"
#include "completions.h"
#include "cublaslt.h"
#include "device_memory.h"
#include "pinned_memory.h"
#include "ptx_sm90.h"
#include "run.h"
#include "stream.h"

namespace stylear::cuda {

namespace {

// A stream that the driver does not order behind the default one.
struct OwnedStream {
  cudaStream_t handle = nullptr;
  OwnedStream() { check_cuda(cudaStreamCreateWithFlags(&handle, cudaStreamNonBlocking), "stream"); }
  OwnedStream(const OwnedStream&) = delete;
  ~OwnedStream() { cudaStreamDestroy(handle); }
};

struct MappedWords {
  StreamWords* words = nullptr;
  MappedWords() {
    void* host = nullptr;
    check_cuda(cudaHostAlloc(&host, sizeof(StreamWords), cudaHostAllocMapped), "fault word");
    words = new (host) StreamWords{};
  }
  MappedWords(const MappedWords&) = delete;
  ~MappedWords() { cudaFreeHost(words); }
  StreamWords* on_gpu() const {
    void* seen = nullptr;
    check_cuda(cudaHostGetDevicePointer(&seen, words, 0), "fault word");
    return static_cast<StreamWords*>(seen);
  }
};

// Its largest block tells which of this library's code the GPU was given, without a launch.
__global__ void __launch_bounds__(ptx::has_sm90a ? 64 : 32) hopper_probe() {}

// What kernels may count on. A Hopper that was given the code of 90, as builds for `90` or `native`
// leave it, lacks the instructions of 90a and is as good as what came before.
int capability_of(const cudaDeviceProp& properties) {
  const int capability = properties.major * 10 + properties.minor;
  if (capability != 90) return capability;
  cudaFuncAttributes attributes{};
  check_cuda(cudaFuncGetAttributes(&attributes, hopper_probe), "device");
  return attributes.maxThreadsPerBlock == 32 ? 89 : 90;
}

class GpuDevice final : public Device, private BlockSource, private ScratchMemory {
 public:
  GpuDevice(int index, const cudaDeviceProp& properties)
      : index_(index),
        name_("cuda:" + std::to_string(index) + " " + properties.name),
        completions_(index, mapped_.words, mapped_.on_gpu()),
        pool_(*this) {
    op_stream_.handle = stream_.handle;
    op_stream_.multiprocessors = properties.multiProcessorCount;
    op_stream_.compute_capability = capability_of(properties);
    op_stream_.fault_word = &mapped_.on_gpu()->fault;
    op_stream_.memory = this;
    op_stream_.blas = blas_.get();
  }
  ~GpuDevice() override {
    try {
      if (recording_) end_recording();  // a JavaScript thread may end amid one
    } catch (const Error&) {            // there is nobody to be told
    }
    use();
    cudaStreamSynchronize(stream_.handle);
    give_upload_chunk();
  }

  const std::string& name() const override { return name_; }
  int threads() const override { return 1; }
  bool reads_host_memory() const override { return false; }

  void* allocate(int64_t bytes) override {
    use();
    return pool_.allocate(bytes);
  }
  void release(void* block) override { pool_.release(block); }
  void trim() override {
    use();
    pool_.trim();
  }
  MemoryUse memory() const override { return pool_.use(); }

  void upload(void* to, const void* from, int64_t bytes) override;
  void download(void* to, const void* from, int64_t bytes) override;
  void copy(void* to, const void* from, int64_t bytes) override {
    enqueue([&] {
      check_cuda(cudaMemcpyAsync(to, from, static_cast<size_t>(bytes), cudaMemcpyDeviceToDevice,
                                 stream_.handle),
                 "copy");
    });
  }

  void notify(std::function<void(const Error*)> done) override {
    refuse_recording("notify");
    use();
    completions_.after(stream_.handle, std::move(done));
  }

  void begin_recording() override {
    refuse_recording("begin_recording");
    use();
    if (blas_) blas_->open();
    before_recording_ = passed();
    check_cuda(cudaStreamBeginCapture(stream_.handle, cudaStreamCaptureModeRelaxed), "recording");
    pool_.begin_recording();
    recording_ = true;
  }
  std::unique_ptr<Graph> end_recording() override;

#define X(Op) \
  void submit(const Op& op) override { submit_op(op); }
  STYLEAR_OPS(X)
#undef X

 private:
  class Recording;

  // The calling thread may have used another GPU.
  void use() const { cudaSetDevice(index_); }

  void refuse_recording(const char* what) const {
    if (recording_)
      throw Error("ERR_DEVICE", std::string(what) + ": expected no recording to be going on, got " +
                                    "one. Call it before or after `record`.");
  }

  // Runs `command`, which enqueues work, unless the stream has failed. What it throws stops the
  // stream, except that memory may be lacking: that is the caller's to handle.
  template <class Command>
  void enqueue(Command&& command) {
    use();
    if (completions_.failed()) return;
    try {
      command();
    } catch (const Error& error) {
      if (error.code() == "ERR_OUT_OF_MEMORY") throw;
      completions_.fail(error);
    }
  }
  template <class Op>
  void submit_op(const Op& op) {
    struct Finish {
      Stream& stream;
      ~Finish() { stream.finish_op(); }
    } finish{op_stream_};
    enqueue([&] {
      try {
        run(op, op_stream_);
      } catch (const Error& error) {
        if (error.code() != "ERR_DEVICE") throw;
        // A kernel's own failure may have been that of an earlier one, which ran meanwhile.
        throw Error("ERR_DEVICE", std::string(error.what()) + " (noticed at " + Op::name + ")");
      }
    });
  }

  // Known when the stream has come here, and all that was asked for before is done.
  std::future<void> passed() {
    auto promise = std::make_shared<std::promise<void>>();
    std::future<void> future = promise->get_future();
    completions_.after(stream_.handle, [promise](const Error*) { promise->set_value(); });
    return future;
  }
  // Calls `done` when the stream has come here. While recording there is no such moment: it is
  // asked for when the recording ends.
  void when_passed(std::function<void()> done) {
    if (recording_)
      after_recording_.push_back(std::move(done));
    else
      completions_.after(stream_.handle, [done = std::move(done)](const Error*) { done(); });
  }

  void give_upload_chunk() {
    if (upload_chunk_)
      completions_.after(stream_.handle,
                         [this, chunk = upload_chunk_](const Error*) { pinned_.give(chunk); });
    upload_chunk_ = nullptr;
  }

  // BlockSource
  void* take(int64_t bytes) override {
    const std::lock_guard guard(memory_mutex_);
    return memory_.take(bytes);
  }
  // What is given during a recording was last used before it: a recording keeps what it uses.
  void give(void* block, int64_t) override {
    if (recording_)
      given_while_recording_.push_back(block);
    else
      completions_.after(stream_.handle, [this, block](const Error*) { free(block); });
  }
  void settle() override {
    if (!recording_) return passed().wait();
    before_recording_.wait();
    for (void* block : std::exchange(given_while_recording_, {})) free(block);
  }
  void free(void* block) {
    const std::lock_guard guard(memory_mutex_);
    memory_.give(block);
  }

  // ScratchMemory
  void* take_scratch(int64_t bytes) override { return pool_.allocate(bytes); }
  void give_scratch(void* block) override { pool_.release(block); }

  int index_;
  std::string name_;
  OwnedStream stream_;
  MappedWords mapped_;
  std::mutex memory_mutex_;
  DeviceMemory memory_;
  PinnedMemory pinned_;
  std::unique_ptr<BlasLibrary> blas_ = find_cublaslt(index_);  // or null
  Stream op_stream_;
  char* upload_chunk_ = nullptr;  // what small uploads are put into, until it is full
  int64_t upload_used_ = 0;
  bool recording_ = false;
  std::future<void> before_recording_;
  std::vector<void*> given_while_recording_;
  std::vector<std::function<void()>> after_recording_;
  Completions completions_;  // before the pool, which gives back what is left
  Pool pool_;
};

void GpuDevice::upload(void* to, const void* from, int64_t bytes) {
  refuse_recording("upload");
  for (int64_t at = 0; at < bytes;) {
    if (!upload_chunk_ || upload_used_ == PinnedMemory::chunk_bytes) {
      use();
      give_upload_chunk();
      upload_chunk_ = pinned_.take([] {});
      upload_used_ = 0;
    }
    const int64_t piece = std::min(bytes - at, PinnedMemory::chunk_bytes - upload_used_);
    char* staged = upload_chunk_ + upload_used_;
    std::memcpy(staged, static_cast<const char*>(from) + at, static_cast<size_t>(piece));
    enqueue([&] {
      check_cuda(cudaMemcpyAsync(static_cast<char*>(to) + at, staged, static_cast<size_t>(piece),
                                 cudaMemcpyHostToDevice, stream_.handle),
                 "upload");
    });
    upload_used_ += (piece + 15) / 16 * 16;
    at += piece;
  }
}

void GpuDevice::download(void* to, const void* from, int64_t bytes) {
  refuse_recording("download");
  for (int64_t at = 0; at < bytes; at += PinnedMemory::chunk_bytes) {
    const auto piece = static_cast<size_t>(std::min(bytes - at, PinnedMemory::chunk_bytes));
    enqueue([&] {
      char* staged = pinned_.take([this] { give_upload_chunk(); });
      const cudaError_t status = cudaMemcpyAsync(staged, static_cast<const char*>(from) + at, piece,
                                                 cudaMemcpyDeviceToHost, stream_.handle);
      completions_.after(stream_.handle, [=, this](const Error* failure) {
        if (!failure) std::memcpy(static_cast<char*>(to) + at, staged, piece);
        pinned_.give(staged);
      });
      check_cuda(status, "download");
    });
  }
}

// An instantiated graph of the stream's commands. It may be destroyed while it runs: the stream
// then passes its end before the graph goes.
class GpuDevice::Recording final : public Graph {
 public:
  Recording(GpuDevice& device, cudaGraphExec_t graph, int64_t number)
      : device_(device), graph_(graph), number_(number) {}
  ~Recording() override {
    device_.use();
    device_.when_passed([graph = graph_] { cudaGraphExecDestroy(graph); });
    device_.pool_.forget(number_);
  }
  void replay() override {
    device_.refuse_recording("replay");
    device_.enqueue(
        [this] { check_cuda(cudaGraphLaunch(graph_, device_.stream_.handle), "replay"); });
  }

 private:
  GpuDevice& device_;
  cudaGraphExec_t graph_;
  int64_t number_;
};

std::unique_ptr<Graph> GpuDevice::end_recording() {
  use();
  cudaGraph_t captured = nullptr;
  const cudaError_t status = cudaStreamEndCapture(stream_.handle, &captured);
  recording_ = false;
  const int64_t number = pool_.end_recording();
  for (auto& done : std::exchange(after_recording_, {})) when_passed(std::move(done));
  for (void* block : std::exchange(given_while_recording_, {})) give(block, 0);
  cudaGraphExec_t graph = nullptr;
  try {
    check_cuda(status, "recording");
    cudaError_t made = cudaGraphInstantiate(&graph, captured, 0);
    if (made == cudaErrorMemoryAllocation) {  // the pool may have what is lacking
      cudaGetLastError();
      pool_.trim();
      settle();
      made = cudaGraphInstantiate(&graph, captured, 0);
    }
    check_cuda(made, "recording");
  } catch (const Error&) {
    if (captured) cudaGraphDestroy(captured);
    pool_.forget(number);
    if (const auto first = completions_.failure()) throw *first;
    throw;
  }
  cudaGraphDestroy(captured);
  return std::make_unique<Recording>(*this, graph, number);
}

}  // namespace

Device* open_gpu(int index) {
  check_cuda(cudaSetDevice(index), "device");
  cudaDeviceProp properties{};
  check_cuda(cudaGetDeviceProperties(&properties, index), "device");
  return new GpuDevice(index, properties);
}

}  // namespace stylear::cuda
