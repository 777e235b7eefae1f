const preloaded = process.env.LD_PRELOAD ?? '';

/** The sanitizer that scripts/sanitize.mjs has preloaded into this process. */
export const sanitizer = preloaded.includes('libasan')
  ? 'address'
  : preloaded.includes('libtsan')
    ? 'thread'
    : undefined;
