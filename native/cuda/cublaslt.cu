#include "cublaslt.h"

#include <dlfcn.h>

#include <cstdlib>
#include <map>
#include <mutex>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace stylear::cuda {

namespace {

// ---- What is used of cuBLASLt's interface, which has been the same since version 11.
using Status = int;
using Handle = struct LtHandle*;
using Description = struct LtDescription*;
using Layout = struct LtLayout*;
using Preference = struct LtPreference*;

struct Algorithm {
  uint64_t data[8];
};
struct Heuristic {
  Algorithm algorithm;
  size_t workspace_bytes;
  Status state;
  float waves;
  int reserved[4];
};

enum StatusOf { success = 0, allocation_failed = 3 };
enum DataType { real_f32 = 0, real_bf16 = 14 };
enum ComputeType { compute_f32 = 68 };
enum DescriptionAttribute { transpose_a_attribute = 3, transpose_b_attribute = 4 };
enum PreferenceAttribute {
  workspace_attribute = 1,
  reduction_attribute = 3,
  first_alignment_attribute = 5
};
// How sums that are split along k may be put together: in f32, and not in the dtype of c.
enum Reduction { reduction_in_compute_type = 2 };

struct Functions {
  Status (*cublasLtCreate)(Handle*);
  Status (*cublasLtMatmulDescCreate)(Description*, int compute_type, int scale_type);
  Status (*cublasLtMatmulDescSetAttribute)(Description, int, const void*, size_t);
  Status (*cublasLtMatmulDescDestroy)(Description);
  Status (*cublasLtMatrixLayoutCreate)(Layout*, int type, uint64_t rows, uint64_t cols, int64_t ld);
  Status (*cublasLtMatrixLayoutDestroy)(Layout);
  Status (*cublasLtMatmulPreferenceCreate)(Preference*);
  Status (*cublasLtMatmulPreferenceSetAttribute)(Preference, int, const void*, size_t);
  Status (*cublasLtMatmulPreferenceDestroy)(Preference);
  Status (*cublasLtMatmulAlgoGetHeuristic)(Handle, Description, Layout a, Layout b, Layout c,
                                           Layout d, Preference, int asked, Heuristic*, int* found);
  Status (*cublasLtMatmul)(Handle, Description, const void* alpha, const void* a, Layout,
                           const void* b, Layout, const void* beta, const void* c, Layout, void* d,
                           Layout, const Algorithm*, void* workspace, size_t workspace_bytes,
                           cudaStream_t);
};

// What a failed call of it becomes.
void check_status(Status status, const char* what) {
  if (status == success) return;
  throw Error(status == allocation_failed ? "ERR_OUT_OF_MEMORY" : "ERR_DEVICE",
              std::string("cublasLt: ") + what + " returned status " + std::to_string(status));
}

// The handles that no device has. None is ever destroyed, nor the library unloaded: either may wait
// for the whole GPU, amid what another thread records.
class FreeHandles {
 public:
  // One of `library` on a GPU, which is the current one; a new one where none is free.
  Handle take(void* library, const Functions& lt, int gpu) {
    {
      const std::lock_guard guard(mutex_);
      auto& free = free_[{library, gpu}];
      if (!free.empty()) {
        const Handle handle = free.back();
        free.pop_back();
        return handle;
      }
    }
    Handle handle = nullptr;
    check_status(lt.cublasLtCreate(&handle), "cublasLtCreate");
    return handle;
  }
  void give(void* library, int gpu, Handle handle) {
    const std::lock_guard guard(mutex_);
    free_[{library, gpu}].push_back(handle);
  }

 private:
  std::mutex mutex_;
  std::map<std::pair<void*, int>, std::vector<Handle>> free_;
};

FreeHandles& free_handles() {
  static auto* handles = new FreeHandles;  // for devices that close while the process ends
  return *handles;
}

// An object of the library that is destroyed by a function of its own.
template <class T>
class Owned {
 public:
  T value = nullptr;

  explicit Owned(Status (*destroy)(T)) : destroy_(destroy) {}
  ~Owned() {
    if (value) destroy_(value);
  }
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;

 private:
  Status (*destroy_)(T);
};

// How a product of one shape is done. cuBLASLt counts columns first: it is asked for
// c^T = op(b)^T op(a)^T, with row-major matrices as their transposes.
struct Plan {
  Owned<Description> description;
  Owned<Layout> a, b, c;
  Heuristic way{};
  bool found = false;

  explicit Plan(const Functions& lt)
      : description(lt.cublasLtMatmulDescDestroy),
        a(lt.cublasLtMatrixLayoutDestroy),
        b(lt.cublasLtMatrixLayoutDestroy),
        c(lt.cublasLtMatrixLayoutDestroy) {}
};

class Cublaslt : public BlasLibrary {
 public:
  Cublaslt(void* library, const Functions& functions, int gpu)
      : library_(library),
        lt_(functions),
        gpu_(gpu),
        handle_(free_handles().take(library, functions, gpu)) {}
  ~Cublaslt() override { free_handles().give(library_, gpu_, handle_); }

  bool multiply(Stream& stream, const BlasProduct& product) override {
    const Plan& plan = plan_for(product);
    if (!plan.found) return false;
    const float beta = product.added ? 1.0f : 0.0f;
    const size_t bytes = plan.way.workspace_bytes;
    void* workspace = bytes ? stream.scratch<char>(static_cast<int64_t>(bytes)) : nullptr;
    check_status(
        lt_.cublasLtMatmul(handle_, plan.description.value, &product.alpha, product.b, plan.b.value,
                           product.a, plan.a.value, &beta,
                           product.added ? product.added : product.c, plan.c.value, product.c,
                           plan.c.value, &plan.way.algorithm, workspace, bytes, stream.handle),
        "cublasLtMatmul");
    return true;
  }

 private:
  using Key = std::tuple<int64_t, int64_t, int64_t, bool, bool, Dtype, Dtype>;

  static DataType type_of(Dtype dtype) { return dtype == Dtype::f32 ? real_f32 : real_bf16; }

  const Plan& plan_for(const BlasProduct& p) {
    const Key key{p.m, p.n, p.k, p.transpose_a, p.transpose_b, p.in, p.out};
    const auto [at, is_new] = plans_.try_emplace(key, lt_);
    if (is_new) {
      try {
        prepare(at->second, p);
      } catch (...) {
        plans_.erase(at);
        throw;
      }
    }
    return at->second;
  }

  void describe(Owned<Layout>& layout, Dtype dtype, int64_t rows, int64_t columns) const {
    check_status(lt_.cublasLtMatrixLayoutCreate(&layout.value, type_of(dtype),
                                                static_cast<uint64_t>(columns),
                                                static_cast<uint64_t>(rows), columns),
                 "cublasLtMatrixLayoutCreate");
  }

  void prepare(Plan& plan, const BlasProduct& p) const {
    check_status(lt_.cublasLtMatmulDescCreate(&plan.description.value, compute_f32, real_f32),
                 "cublasLtMatmulDescCreate");
    const int32_t first = p.transpose_b, second = p.transpose_a;  // 0: as it lies, 1: transposed
    for (const auto& [attribute, value] :
         {std::pair<int, const int32_t*>{transpose_a_attribute, &first},
          std::pair<int, const int32_t*>{transpose_b_attribute, &second}})
      check_status(lt_.cublasLtMatmulDescSetAttribute(plan.description.value, attribute, value,
                                                      sizeof *value),
                   "cublasLtMatmulDescSetAttribute");
    describe(plan.a, p.in, p.transpose_a ? p.k : p.m, p.transpose_a ? p.m : p.k);
    describe(plan.b, p.in, p.transpose_b ? p.n : p.k, p.transpose_b ? p.k : p.n);
    describe(plan.c, p.out, p.m, p.n);

    Owned<Preference> preference(lt_.cublasLtMatmulPreferenceDestroy);
    check_status(lt_.cublasLtMatmulPreferenceCreate(&preference.value),
                 "cublasLtMatmulPreferenceCreate");
    const uint64_t workspace = uint64_t{32} << 20;
    check_status(lt_.cublasLtMatmulPreferenceSetAttribute(preference.value, workspace_attribute,
                                                          &workspace, sizeof workspace),
                 "cublasLtMatmulPreferenceSetAttribute");
    const uint32_t reduction = reduction_in_compute_type;
    check_status(lt_.cublasLtMatmulPreferenceSetAttribute(preference.value, reduction_attribute,
                                                          &reduction, sizeof reduction),
                 "cublasLtMatmulPreferenceSetAttribute");
    const uint32_t alignment = 16;
    for (int matrix = 0; matrix < 4; ++matrix)
      check_status(
          lt_.cublasLtMatmulPreferenceSetAttribute(
              preference.value, first_alignment_attribute + matrix, &alignment, sizeof alignment),
          "cublasLtMatmulPreferenceSetAttribute");
    int found = 0;
    const Status status = lt_.cublasLtMatmulAlgoGetHeuristic(
        handle_, plan.description.value, plan.b.value, plan.a.value, plan.c.value, plan.c.value,
        preference.value, 1, &plan.way, &found);
    plan.found = status == success && found == 1 && plan.way.state == 0;
  }

  void* library_;
  Functions lt_;
  int gpu_;
  Handle handle_;
  std::map<Key, Plan> plans_;
};

template <class F>
bool find(void* library, const char* name, F& function) {
  function = reinterpret_cast<F>(dlsym(library, name));
  return function != nullptr;
}

// Null, with the reason in `why`, if `library` cannot serve. Throws ERR_OUT_OF_MEMORY.
std::unique_ptr<BlasLibrary> adopt(void* library, const std::string& path, int gpu,
                                   std::string& why) {
  Functions lt{};
#define FIND(name) find(library, #name, lt.name)
  const bool complete = FIND(cublasLtCreate) && FIND(cublasLtMatmulDescCreate) &&
                        FIND(cublasLtMatmulDescSetAttribute) && FIND(cublasLtMatmulDescDestroy) &&
                        FIND(cublasLtMatrixLayoutCreate) && FIND(cublasLtMatrixLayoutDestroy) &&
                        FIND(cublasLtMatmulPreferenceCreate) &&
                        FIND(cublasLtMatmulPreferenceSetAttribute) &&
                        FIND(cublasLtMatmulPreferenceDestroy) &&
                        FIND(cublasLtMatmulAlgoGetHeuristic) && FIND(cublasLtMatmul);
#undef FIND
  if (!complete) {
    dlclose(library);
    why = path + " lacks functions of cuBLASLt";
    return nullptr;
  }
  try {
    return std::make_unique<Cublaslt>(library, lt, gpu);
  } catch (const Error& error) {
    if (error.code() == "ERR_OUT_OF_MEMORY") throw;
    why = path + ": " + error.what();
    return nullptr;
  }
}

std::unique_ptr<BlasLibrary> open_file(const std::string& path, int gpu, std::string& why) {
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (library) return adopt(library, path, gpu, why);
  const char* reason = dlerror();
  why = reason ? reason : path + " could not be opened";
  return nullptr;
}

// The version of the toolkit this was built with first, then the ones before. One that does not
// serve, since it is too old for the GPU for example, is as good as absent.
class SystemCublaslt : public BlasLibrary {
 public:
  explicit SystemCublaslt(int gpu) : gpu_(gpu) {}

  void open() override {
    if (looked_) return;
    std::string why;
    for (int version = CUDART_VERSION / 1000; version >= 11 && !found_; --version)
      found_ = open_file("libcublasLt.so." + std::to_string(version), gpu_, why);
    looked_ = true;  // not where memory was lacking: then the next product looks again
  }
  bool multiply(Stream& stream, const BlasProduct& product) override {
    open();
    return found_ && found_->multiply(stream, product);
  }

 private:
  int gpu_;
  bool looked_ = false;
  std::unique_ptr<BlasLibrary> found_;
};

}  // namespace

std::unique_ptr<BlasLibrary> find_cublaslt(int gpu) {
  const char* named = std::getenv("STYLEAR_CUBLASLT");
  if (!named || !*named) return std::make_unique<SystemCublaslt>(gpu);
  if (named == std::string("none")) return nullptr;
  std::string why;
  auto library = open_file(named, gpu, why);
  if (!library)
    throw Error("ERR_DEVICE",
                "cuda: expected STYLEAR_CUBLASLT to name the library cuBLASLt, got: " + why +
                    ". Unset it to use what the system has.");
  return library;
}

}  // namespace stylear::cuda
