// Where a code address is in the source, for messages.
#include <dlfcn.h>
#include <link.h>

#include <algorithm>
#include <cstdio>

#include "check.h"

namespace stylear::simt {

namespace {

// Where the module that contains the engine is loaded.
uintptr_t module_base() {
  static const uintptr_t base = [] {
    Dl_info info{};
    const bool found = dladdr(reinterpret_cast<void*>(&module_base), &info);
    return found ? reinterpret_cast<uintptr_t>(info.dli_fbase) : 0;
  }();
  return base;
}

std::string addr2line(uintptr_t at, const char* flags) {
  Dl_info info{};
  if (!dladdr(reinterpret_cast<void*>(at), &info) || !info.dli_fname) return "";
  auto* elf = static_cast<const ElfW(Ehdr)*>(info.dli_fbase);
  if (elf->e_type == ET_DYN) at -= reinterpret_cast<uintptr_t>(info.dli_fbase);
  char cmd[4096], out[1024] = "";
  std::snprintf(cmd, sizeof cmd, "addr2line %s -e '%s' 0x%zx 2>/dev/null", flags, info.dli_fname,
                size_t(at));
  if (FILE* f = popen(cmd, "r")) {
    out[std::fread(out, 1, sizeof out - 1, f)] = 0;
    pclose(f);
  }
  return out;
}
}  // namespace

uint32_t code_offset(const void* pc) {
  return pc ? uint32_t(reinterpret_cast<uintptr_t>(pc) - module_base()) & 0x7fffffffu : 0;
}

std::string function_name(const void* code) {
  std::string name = addr2line(reinterpret_cast<uintptr_t>(code), "-Cf");
  name.resize(std::min(name.find('\n'), name.size()));
  for (const std::string noise : {"(anonymous namespace)::", "stylear::cuda::", "void "})
    for (size_t at; (at = name.find(noise)) != std::string::npos;) name.erase(at, noise.size());
  name.resize(std::min(name.find('('), name.size()));
  return name.empty() || name == "??" ? "kernel" : name;
}

std::string source_line(uint32_t pc) {
  pc &= 0x7fffffffu;
  if (!pc) return "an emulated instruction";
  std::string s = addr2line(module_base() + pc - 1, "-Ci"),
              r;  // inside the call; innermost position first
  for (size_t i = 0, lines = 0; i < s.size() && lines < 3; ++lines) {
    size_t e = s.find('\n', i);
    if (e == std::string::npos) e = s.size();
    std::string one = s.substr(i, e - i);
    if (auto d = one.find(" (discriminator"); d != std::string::npos) one.resize(d);
    if (auto d = one.rfind('/'); d != std::string::npos) one = one.substr(d + 1);
    r += (lines ? " < " : "") + one;
    i = e + 1;
  }
  return r;
}

}  // namespace stylear::simt
