// Device libraries, found by path and opened while the process runs.
#pragma once

#include <string>

#include "core/device.h"

namespace stylear::addon {

// Throws ERR_BACKEND when the file cannot be loaded, is no device library, or is of another build.
// Libraries stay loaded: their threads may end after the last call into them returns.
const DeviceLibrary& load_library(const std::string& path);

}  // namespace stylear::addon
