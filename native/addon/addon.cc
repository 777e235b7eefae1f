// stylear.node: what the module exports, made anew for each JavaScript thread that loads it.
#include "fields.h"
#include "library.h"
#include "lock_file.h"
#include "open_device.h"

namespace stylear::addon {

namespace {

// [{ name, fields: [{ name, kind, values? }] }], in the order in which `run` counts them.
napi_value describe_ops(napi_env env) {
  napi_value list;
  must(napi_create_array(env, &list));
  uint32_t count = 0;
  const auto describe = [&]<class Op>(Op op) {
    napi_value described = object_of(env), fields;
    must(napi_create_array(env, &fields));
    op.fields(Describe(env, fields));
    set(env, described, "name", string_of(env, Op::name));
    set(env, described, "fields", fields);
    must(napi_set_element(env, list, count++, described));
  };
#define X(Op) describe(Op{});
  STYLEAR_OPS(X)
#undef X
  return list;
}

// score(path) -> { name, score, why }
napi_value score(Environment&, const Call& call) {
  const DeviceLibrary& library = load_library(call.string(0));
  std::string why;
  const int score = library.score(why);
  napi_value result = object_of(call.env);
  set(call.env, result, "name", string_of(call.env, library.name));
  set(call.env, result, "score", number_of(call.env, score));
  set(call.env, result, "why", string_of(call.env, why));
  return result;
}

// open(path, threads, index) -> the object of an open device
napi_value open(Environment& environment, const Call& call) {
  OpenOptions options;
  options.threads = static_cast<int>(call.integer(1));
  options.index = static_cast<int>(call.integer(2));
  std::unique_ptr<Device> device(load_library(call.string(0)).open(options));
  return environment.add(std::make_unique<OpenDevice>(environment, std::move(device))).object();
}

// mapFile(path) -> { file, bytes }: `file` is what `map` of a device takes
napi_value map_file(Environment&, const Call& call) {
  auto file =
      std::make_unique<std::shared_ptr<MappedFile>>(std::make_shared<MappedFile>(call.string(0)));
  napi_value result = object_of(call.env), external;
  set(call.env, result, "bytes", number_of(call.env, static_cast<double>((*file)->bytes())));
  const auto destroy = [](napi_env, void* data, void*) {
    delete static_cast<std::shared_ptr<MappedFile>*>(data);
  };
  must(napi_create_external(call.env, file.get(), destroy, nullptr, &external));
  file.release();
  set(call.env, result, "file", external);
  return result;
}

// lockFile(path, text) -> { lock }, which holds the lock until `unlockFile(lock)` or until nothing
// refers to it, or { holder }: the text of the one that holds it
napi_value lock_file(Environment&, const Call& call) {
  std::string holder;
  auto lock = std::make_unique<std::unique_ptr<LockFile>>(
      LockFile::take(call.string(0), call.string(1), holder));
  napi_value result = object_of(call.env), external;
  if (!*lock) {
    set(call.env, result, "holder", string_of(call.env, holder));
    return result;
  }
  const auto destroy = [](napi_env, void* data, void*) {
    delete static_cast<std::unique_ptr<LockFile>*>(data);
  };
  must(napi_create_external(call.env, lock.get(), destroy, nullptr, &external));
  lock.release();
  set(call.env, result, "lock", external);
  return result;
}

// unlockFile(lock); a second time does nothing
napi_value unlock_file(Environment&, const Call& call) {
  void* external = nullptr;
  if (napi_get_value_external(call.env, call.arguments[0], &external) != napi_ok)
    call.wrong(0, "a lock");
  static_cast<std::unique_ptr<LockFile>*>(external)->reset();
  return nullptr;
}

}  // namespace

}  // namespace stylear::addon

NAPI_MODULE_INIT() {
  using namespace stylear::addon;
  return guarded(env, [&] {
    Environment& environment = Environment::make(env);
    set(env, exports, "build", string_of(env, STYLEAR_BUILD));
    set(env, exports, "ops", describe_ops(env));
    set_function<Environment, score>(env, exports, "score", environment);
    set_function<Environment, open>(env, exports, "open", environment);
    set_function<Environment, map_file>(env, exports, "mapFile", environment);
    set_function<Environment, lock_file>(env, exports, "lockFile", environment);
    set_function<Environment, unlock_file>(env, exports, "unlockFile", environment);
    return exports;
  });
}
