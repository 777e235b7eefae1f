// A GPU as a device.
#pragma once

#include "../core/device.h"

namespace stylear::cuda {

// Throws Error when the GPU cannot be used.
Device* open_gpu(int index);

}  // namespace stylear::cuda
