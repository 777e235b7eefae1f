import { StylearError } from '../error.ts';
import { openDevice } from '../tensor/open_device.ts';
import { verifyChameleon } from './chameleon.ts';
import type { Check, Context, Verifier } from './check.ts';
import { verifyClip } from './clip.ts';
import { verifyDpo } from './dpo.ts';
import { verifyE2e } from './e2e.ts';
import { type Fixture, findFixtures, isOfKind } from './fixture.ts';
import { verifyItems } from './items.ts';
import { verifyProcessors } from './processors.ts';
import { verifyResampler } from './resampler.ts';
import { verifyStyleTokens } from './style_tokens.ts';
import { verifyTokenizer } from './tokenizer.ts';
import { verifyTrain } from './train.ts';
import { verifyVqgan } from './vqgan.ts';

/** What runs each kind of fixture. */
const verifiers: Readonly<Record<string, Verifier>> = {
  chameleon: verifyChameleon,
  clip: verifyClip,
  dpo: verifyDpo,
  e2e: verifyE2e,
  items: verifyItems,
  processors: verifyProcessors,
  resampler: verifyResampler,
  style_tokens: verifyStyleTokens,
  tokenizer: verifyTokenizer,
  train: verifyTrain,
  vqgan: verifyVqgan,
};

/** Which fixtures are run, and on what. */
export interface VerifyOptions {
  /** Only fixtures of this name or kind. */
  readonly only?: string | undefined;
  /** As `openDevice` takes it; the best there is unless told. */
  readonly device?: string | undefined;
  /** Of the activations of the transformer, f32 unless told; all else runs in f32. */
  readonly dtype?: 'f32' | 'bf16' | undefined;
  /** As `openDevice` takes them. */
  readonly threads?: number | undefined;
}

/** A check and the fixture that it belongs to. */
export interface VerifiedCheck extends Check {
  readonly fixture: string;
}

/**
 * Runs every fixture at or below a folder and compares all it expects. A fixture that fails to run is
 * a check that did not pass, as is one of an unknown kind.
 *
 * @throws `ERR_INPUT` when there is no fixture
 */
export async function* verify(
  folder: string,
  options: VerifyOptions = {},
): AsyncGenerator<VerifiedCheck> {
  const { only, dtype = 'f32' } = options;
  const fixtures = findFixtures(folder).filter(
    ({ name }) => only === undefined || isOfKind(name, only),
  );
  if (fixtures.length === 0) {
    const which = only === undefined ? 'a fixture' : `a fixture ${only}`;
    throw new StylearError('ERR_INPUT', `verify: expected ${folder} to hold ${which}, got none`);
  }
  await using device = await openDevice(options.device, { threads: options.threads });
  for (const fixture of fixtures) yield* checksOf(fixture, { device, dtype });
}

async function* checksOf(fixture: Fixture, context: Context): AsyncGenerator<VerifiedCheck> {
  const named = (check: Check): VerifiedCheck => ({ ...check, fixture: fixture.name });
  const failed = (detail: string) =>
    named({ name: 'runs', error: Number.POSITIVE_INFINITY, bound: 0, passed: false, detail });
  const kind = kindOf(fixture.name);
  if (kind === undefined) {
    yield failed(`unknown kind of fixture; known are ${Object.keys(verifiers).join(', ')}`);
    return;
  }
  let checks = 0;
  try {
    for await (const check of verifiers[kind]!(fixture, context)) {
      checks++;
      yield named(check);
    }
    if (checks === 0) yield failed('nothing was checked');
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    yield failed(
      error instanceof StylearError ? `${error.code}: ${error.message}` : `${error.stack}`,
    );
  }
}

/** The longest kind that a name begins with. */
function kindOf(name: string): string | undefined {
  const kinds = Object.keys(verifiers).filter((kind) => isOfKind(name, kind));
  return kinds.sort((a, b) => b.length - a.length)[0];
}
