#include "library.h"

#include <dlfcn.h>

#include <cstring>

namespace stylear::addon {

const DeviceLibrary& load_library(const std::string& path) {
  void* opened = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (!opened) throw Error("ERR_BACKEND", dlerror());
  void* symbol = dlsym(opened, "stylear_device_library");
  if (!symbol) throw Error("ERR_BACKEND", path + ": expected a device library, got another");
  const DeviceLibrary* library = reinterpret_cast<DeviceLibraryFunction>(symbol)();
  if (std::strcmp(library->build, STYLEAR_BUILD) != 0)
    throw Error("ERR_BACKEND", path + ": expected build " STYLEAR_BUILD ", got " + library->build +
                                   ". Run `npm run build`.");
  return *library;
}

}  // namespace stylear::addon
