// The process of the llama.cpp peer (peer.ts): llama_cpp LIBRARIES MODEL THREADS.
//   {"op":"prefill","tokens":T,"seconds":s}         one prompt, logits of its last token
//   {"op":"decode","rows":R,"keys":K,"seconds":s}   a token of each of R sequences, K keys in all
//
// The libraries come without headers. Their parameter structures are passed as blocks that are
// larger than they are, which the x86-64 calling convention puts in memory, and the few fields that
// are set are found by the defaults that llama.h documents.
#include <dlfcn.h>
#include <glob.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

struct Block {
  int32_t words[256];
};

// llama_batch
struct Batch {
  int32_t n_tokens;
  int32_t* token;
  float* embd;
  int32_t* pos;
  int32_t* n_seq_id;
  int32_t** seq_id;
  int8_t* logits;
};

void* open_library(const std::string& pattern) {
  glob_t found;
  if (glob(pattern.c_str(), 0, nullptr, &found) != 0)
    throw std::runtime_error("no library " + pattern);
  void* library = dlopen(found.gl_pathv[0], RTLD_NOW | RTLD_GLOBAL);
  globfree(&found);
  if (!library) throw std::runtime_error(dlerror());
  return library;
}

template <class F>
F* function(void* library, const char* name) {
  void* found = dlsym(library, name);
  if (!found) throw std::runtime_error(std::string("no function ") + name);
  return reinterpret_cast<F*>(found);
}

void silent(int, const char*, void*) {}

double now() {
  using namespace std::chrono;
  return duration<double>(steady_clock::now().time_since_epoch()).count();
}

class Llama {
 public:
  Llama(const std::string& folder, const char* model, int threads) : threads_(threads) {
    open_library(folder + "/libggml-base.so*");
    void* ggml = open_library(folder + "/libggml.v*.so");
    void* llama = open_library(folder + "/libllama.v*.so");
    function<void(void (*)(int, const char*, void*), void*)>(llama, "llama_log_set")(silent,
                                                                                     nullptr);
    function<void(const char*)>(ggml, "ggml_backend_load_all_from_path")(folder.c_str());
    context_defaults_ = function<Block()>(llama, "llama_context_default_params");
    new_context_ = function<void*(void*, Block)>(llama, "llama_init_from_model");
    free_context_ = function<void(void*)>(llama, "llama_free");
    new_batch_ = function<Batch(int32_t, int32_t, int32_t)>(llama, "llama_batch_init");
    free_batch_ = function<void(Batch)>(llama, "llama_batch_free");
    decode_ = function<int32_t(void*, Batch)>(llama, "llama_decode");
    memory_ = function<void*(void*)>(llama, "llama_get_memory");
    clear_ = function<void(void*, bool)>(llama, "llama_memory_clear");
    remove_ = function<bool(void*, int32_t, int32_t, int32_t)>(llama, "llama_memory_seq_rm");
    const auto model_defaults = function<Block()>(llama, "llama_model_default_params");
    const auto load = function<void*(const char*, Block)>(llama, "llama_model_load_from_file");
    model_ = load(model, model_defaults());
    if (!model_) throw std::runtime_error(std::string("cannot load ") + model);
  }

  double prefill(int tokens, double seconds) const {
    Context context(*this, tokens, 1);
    return median(seconds, [&] {
      clear_(memory_(context.handle), true);
      context.batch.n_tokens = 0;
      for (int i = 0; i < tokens; ++i) context.add(i, 0, i + 1 == tokens);
      return run(context);
    });
  }

  double decode(int rows, int keys, double seconds) const {
    Context context(*this, keys, rows);
    for (int row = 0; row < rows && keys > 1; ++row) {
      context.batch.n_tokens = 0;
      for (int i = 0; i + 1 < keys; ++i) context.add(i, row, i + 2 == keys);
      run(context);
    }
    return median(seconds, [&] {
      context.batch.n_tokens = 0;
      for (int row = 0; row < rows; ++row) context.add(keys - 1, row, true);
      const double took = run(context);
      for (int row = 0; row < rows; ++row) remove_(memory_(context.handle), row, keys - 1, keys);
      return took;
    });
  }

 private:
  struct Context {
    const Llama& llama;
    void* handle;
    Batch batch;

    Context(const Llama& l, int keys, int rows) : llama(l) {
      Block parameters = l.context_defaults_();
      int32_t* words = parameters.words;
      // n_ctx, n_batch, n_ubatch, n_seq_max, and a little behind them n_threads, n_threads_batch.
      constexpr int32_t sizes[] = {512, 2048, 512}, default_threads[] = {4, 4};
      int32_t* size = std::search(words, words + 12, sizes, sizes + 3);
      int32_t* threads = std::search(size + 4, size + 12, default_threads, default_threads + 2);
      if (size == words + 12 || threads == size + 12)
        throw std::runtime_error("llama_context_params are not as expected");
      size[0] = (keys + 255) / 256 * 256 * rows, size[3] = rows;
      threads[0] = threads[1] = l.threads_;
      handle = l.new_context_(l.model_, parameters);
      if (!handle) throw std::runtime_error("no context");
      batch = l.new_batch_(2048, 0, 1);
    }
    ~Context() {
      llama.free_batch_(batch);
      llama.free_context_(handle);
    }
    Context(const Context&) = delete;
    Context& operator=(const Context&) = delete;

    void add(int position, int sequence, bool logits) {
      const int i = batch.n_tokens++;
      batch.token[i] = 300 + (position * 11 + sequence) % 7000;
      batch.pos[i] = position;
      batch.n_seq_id[i] = 1;
      batch.seq_id[i][0] = sequence;
      batch.logits[i] = logits;
    }
  };

  double run(const Context& context) const {
    const double begin = now();
    if (decode_(context.handle, context.batch) != 0)
      throw std::runtime_error("llama_decode failed");
    return now() - begin;
  }

  template <class Step>
  static double median(double seconds, Step step) {
    for (int i = 0; i < 2; ++i) step();
    std::vector<double> times;
    const double end = now() + seconds;
    while (times.size() < 5 || now() < end) times.push_back(step());
    std::sort(times.begin(), times.end());
    return times[times.size() / 2];
  }

  int threads_;
  void* model_;
  Block (*context_defaults_)();
  void* (*new_context_)(void*, Block);
  void (*free_context_)(void*);
  Batch (*new_batch_)(int32_t, int32_t, int32_t);
  void (*free_batch_)(Batch);
  int32_t (*decode_)(void*, Batch);
  void* (*memory_)(void*);
  void (*clear_)(void*, bool);
  bool (*remove_)(void*, int32_t, int32_t, int32_t);
};

// The number behind "name": in a line of flat JSON.
double field(const std::string& line, const std::string& name) {
  const size_t at = line.find('"' + name + "\":");
  if (at == std::string::npos) throw std::runtime_error("no " + name + " in the request");
  return std::strtod(line.c_str() + at + name.size() + 3, nullptr);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: llama_cpp LIBRARIES MODEL THREADS\n");
    return 2;
  }
  try {
    const Llama llama(argv[1], argv[2], std::atoi(argv[3]));
    std::printf("{}\n"), std::fflush(stdout);
    for (std::string line; std::getline(std::cin, line);) {
      try {
        const double seconds = field(line, "seconds");
        const auto number = [&](const char* name) { return static_cast<int>(field(line, name)); };
        const double took = line.find("\"prefill\"") != std::string::npos
                                ? llama.prefill(number("tokens"), seconds)
                                : llama.decode(number("rows"), number("keys"), seconds);
        std::printf("{\"seconds\":%.9f}\n", took);
      } catch (const std::exception& error) {
        std::printf("{\"error\":\"%s\"}\n", error.what());
      }
      std::fflush(stdout);
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
