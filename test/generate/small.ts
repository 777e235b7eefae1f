// What tests of whole pictures ask for, and what they compare.
import type { GenerateRequest } from '../../lib/generate/request.ts';
import { StyleAR } from '../../lib/generate/stylear.ts';
import type { GeneratedImage, GenerateEvent, GenerateOptions, Requests } from '../../lib/index.ts';

/** A picture of 32 x 32 pixels, 4 codes. */
export const requestFor = (
  seed: number,
  change: Partial<GenerateRequest> = {},
): GenerateRequest => ({
  prompt: `a ship number ${seed}`,
  seed,
  size: { width: 32, height: 32 },
  ...change,
});

export async function eventsOf(
  stylear: StyleAR,
  requests: Requests,
  options: GenerateOptions = {},
): Promise<GenerateEvent[]> {
  const events: GenerateEvent[] = [];
  for await (const event of stylear.generate(requests, options)) events.push(event);
  return events;
}

export async function imagesOf(
  stylear: StyleAR,
  requests: readonly GenerateRequest[],
  options: GenerateOptions = {},
): Promise<GeneratedImage[]> {
  const events = await eventsOf(stylear, requests, options);
  const images = events.flatMap((event) => (event.type === 'image' ? [event.image] : []));
  return images.sort((a, b) => a.request - b.request || a.index - b.index);
}

/** All that a seed decides. */
export const essence = ({ picture, tokens, facts }: GeneratedImage) => ({
  tokens,
  facts,
  pixels: Buffer.from(picture.pixels).toString('base64'),
});

/** The bytes of a cache that has room for one picture, as the error of a smaller one says. */
export async function leastCacheBytes(folder: string, request: GenerateRequest): Promise<number> {
  await using stylear = await StyleAR.load(folder, { threads: 1, cacheBytes: 12_288 });
  const error = await stylear.draw(request).catch((error: Error) => error);
  return Number(/expected cacheBytes to be at least (\d+)/.exec(`${error}`)?.[1]);
}
