# The addon and the CPU device for machines without CMake: the folders, flags and library names of
# CMakeLists.txt, which says why. Run by scripts/install.mjs.
{
  'variables': {
    'build_id': '<!(node scripts/build_id.mjs)',
    'exports': '<(module_root_dir)/native/device_library.map',
    'cpu_sources': [
      '<!@(node -p "[\'native/cpu/\', \'native/cpu/kernels/\'].flatMap((dir) => fs.readdirSync(dir).filter((file) => file.endsWith(\'.cc\')).map((file) => dir + file)).join(\' \')")',
    ],
    'addon_sources': [
      '<!@(node -p "fs.readdirSync(\'native/addon\').filter((file) => file.endsWith(\'.cc\')).map((file) => \'native/addon/\' + file).join(\' \')")',
    ],
    'cpu_flags': ['-fno-math-errno', '-fno-trapping-math', '-ffp-contract=fast', '-fopenmp-simd'],
    'avx2': ['-mavx2', '-mfma', '-mf16c'],
    'avx512': ['-mavx512f', '-mavx512bw', '-mavx512vl', '-mavx512dq', '-mavx512cd', '-mprefer-vector-width=512'],
  },
  'target_defaults': {
    'include_dirs': ['native'],
    'defines': ['STYLEAR_BUILD="<(build_id)"'],
    'cflags': ['-O3', '-Wall', '-Wextra', '-fPIC'],
    'cflags_cc': [
      '-std=c++20', '-pthread', '-fvisibility=hidden', '-fvisibility-inlines-hidden', '-fno-gnu-unique',
    ],
    # Set by Node for its own sources.
    'cflags!': ['-Wno-unused-parameter'],
    'cflags_cc!': ['-std=gnu++17', '-std=gnu++20', '-fno-exceptions', '-fno-rtti'],
    'ldflags': ['-pthread'],
    'libraries': ['-ldl'],
    'target_conditions': [
      ['_target_name != "stylear"', {
        'sources': ['<@(cpu_sources)'],
        'cflags_cc': ['<@(cpu_flags)'],
        'ldflags': ['-Wl,-z,defs', '-Wl,--version-script=<(exports)'],
      }],
    ],
  },
  'targets': [
    {
      'target_name': 'stylear',
      'sources': ['<@(addon_sources)'],
      'include_dirs': ['<!(node -p "require(\'node-addon-api\').include_dir")'],
      'defines': ['NAPI_VERSION=8', 'NAPI_CPP_EXCEPTIONS', 'NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS'],
    },
    {
      'target_name': 'stylear_cpu_portable',
      'target_conditions': [['1 == 1', {'product_extension': 'so'}]],
      'defines': ['STYLEAR_CPU_LEVEL="portable"'],
    },
  ],
  'conditions': [
    ['target_arch == "x64"', {
      'targets': [
        {
          'target_name': 'stylear_cpu_avx2',
          'target_conditions': [['1 == 1', {'product_extension': 'so'}]],
          'defines': ['STYLEAR_CPU_LEVEL="avx2"'],
          'cflags_cc': ['<@(avx2)'],
        },
        {
          'target_name': 'stylear_cpu_avx512',
          'target_conditions': [['1 == 1', {'product_extension': 'so'}]],
          'defines': ['STYLEAR_CPU_LEVEL="avx512"'],
          'cflags_cc': ['<@(avx2)', '<@(avx512)'],
        },
        {
          'target_name': 'stylear_cpu_avx512bf16',
          'target_conditions': [['1 == 1', {'product_extension': 'so'}]],
          'defines': ['STYLEAR_CPU_LEVEL="avx512bf16"'],
          'cflags_cc': ['<@(avx2)', '<@(avx512)', '-mavx512bf16'],
        },
      ],
    }],
  ],
}
