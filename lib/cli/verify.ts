import { StylearError } from '../error.ts';
import { type VerifiedCheck, type VerifyOptions, verify } from '../verify/verify.ts';

/** The options of `stylear verify`. */
export interface VerifyCommandOptions extends VerifyOptions {
  /** Print a JSON object per check instead of a line for people. */
  readonly json?: boolean | undefined;
}

/**
 * `stylear verify <folder>`: a line per check, then how many passed.
 *
 * @returns the exit status: 1 when a check failed
 */
export async function verifyCommand(
  folder: string,
  { json = false, ...options }: VerifyCommandOptions = {},
): Promise<number> {
  let [passed, failed] = [0, 0];
  for await (const check of verify(folder, options)) {
    if (check.passed) passed++;
    else failed++;
    console.log(json ? JSON.stringify(check) : line(check));
  }
  const summary = { passed, failed, skipped: 0 };
  console.log(
    json
      ? JSON.stringify(summary)
      : `${passed} passed, ${failed} failed, ${summary.skipped} skipped`,
  );
  return failed > 0 ? 1 : 0;
}

/** `ok    vqgan  expected.safetensors:photo.codes  error 0, bound 0` */
function line({ fixture, name, error, bound, passed, detail }: VerifiedCheck): string {
  const figures = `error ${figure(error)}, bound ${figure(bound)}`;
  const rest = detail === undefined ? '' : `  (${detail})`;
  return `${passed ? 'ok    ' : 'FAILED'}  ${fixture}  ${name}  ${figures}${rest}`;
}

const figure = (value: number): string =>
  Number.isInteger(value) ? `${value}` : value.toExponential(2);

/** `--dtype` as the verifier takes it. */
export function floatDtype(dtype: string | undefined): 'f32' | 'bf16' | undefined {
  if (dtype === undefined || dtype === 'f32' || dtype === 'bf16') return dtype;
  throw new StylearError('ERR_INPUT', `verify: expected --dtype to be f32 or bf16, got ${dtype}`);
}
