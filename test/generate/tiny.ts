// A transformer of no use but for its shape, and what one asks of it.

import type { Answer } from '../../lib/generate/answer.ts';
import {
  TokenEngine,
  type TokenEngineOptions,
  type TokenRequest,
} from '../../lib/generate/token_engine.ts';
import { type Device, Weights } from '../../lib/index.ts';
import { Chameleon } from '../../lib/models/chameleon.ts';
import type { Vocabulary } from '../../lib/text/vocabulary.ts';

/** 64 codes from 4 on, grid sizes up to 8. */
export const vocabulary: Vocabulary = {
  size: 128,
  begin: undefined,
  imageStart: 69,
  imageEnd: 68,
  newLine: 70,
  stop: 71,
  stylePlaceholder: undefined,
  codes: [4, 68],
  codeIds: Int32Array.from({ length: 64 }, (_, code) => code + 4),
  codesById: Int32Array.from({ length: 64 }, (_, code) => code),
  grid: 72,
  gridMax: 8,
  codesPerUnit: 2,
  unitPixels: 32,
};

export function tinyChameleon(w: Weights): Chameleon {
  return new Chameleon(w, {
    vocabulary: vocabulary.size,
    layers: 2,
    dim: 32,
    heads: 4,
    kvHeads: 2,
    headDim: 8,
    inner: 48,
    normEps: 1e-5,
    ropeTheta: 10000,
    swinNorm: false,
  });
}

export const tinyWeights = (device: Device): Weights => Weights.fresh(device, { seed: 5 });

export function engineOf(model: Chameleon, options: Partial<TokenEngineOptions> = {}): TokenEngine {
  return new TokenEngine(model, vocabulary, { cacheTokens: 4096, maxTokens: 512, ...options });
}

/** A request for a picture of 2 x 3 units, 4 rows of 6 codes. */
export function requestOf(seed: number, change: Partial<TokenRequest> = {}): TokenRequest {
  return {
    prompt: Array.from(
      { length: 20 + (seed % 7) },
      (_, i) => 80 + ((i * (i < 16 ? 5 : seed + 3)) % 48),
    ),
    seed: [seed, 7],
    guidance: 3,
    imageTopK: 12,
    textTopK: 5,
    temperature: 1,
    topP: 1,
    minP: 0,
    grammar: { sizes: [{ height: 2, width: 3 }] },
    maxTokens: 40,
    window: 1,
    ...change,
  };
}

/** Runs requests to their ends, at most `batch` at a time. */
export async function runAll(
  engine: TokenEngine,
  requests: readonly TokenRequest[],
  batch = 1,
): Promise<Answer[]> {
  const answers: Answer[] = [];
  let next = 0;
  while (next < requests.length || engine.active > 0) {
    while (next < requests.length && engine.active < batch) {
      const answer = engine.admit(requests[next]!);
      if (!answer) break;
      answers.push(answer);
      next++;
    }
    await engine.advance();
    for (const answer of answers) if (answer.finished) engine.release(answer);
  }
  return answers;
}
