const codes = [
  'ERR_SHAPE',
  'ERR_DTYPE',
  'ERR_VALUE',
  'ERR_DISPOSED',
  'ERR_DEVICE',
  'ERR_OUT_OF_MEMORY',
  'ERR_BACKEND',
  'ERR_WEIGHTS',
  'ERR_INPUT',
] as const;

/** What a {@link StylearError} is about. */
export type ErrorCode = (typeof codes)[number];

/** Every failure of this package: a stable code for programs, a sentence for people. */
export class StylearError extends Error {
  override readonly name = 'StylearError';
  readonly code: ErrorCode;

  /**
   * @param code     what it is about
   * @param message  `<where>: expected <argument> to be <this>, got <that>`
   */
  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  /** What native code threw, as a `StylearError` from the line that called it. */
  static from(error: unknown): unknown {
    if (!(error instanceof Error) || error instanceof StylearError) return error;
    const code = codes.find((code) => 'code' in error && code === error.code);
    return code ? new StylearError(code, error.message) : error;
  }
}
