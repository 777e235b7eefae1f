import type { GenerateOptions } from './generate.ts';
import type { GeneratedImage } from './generated_image.ts';
import type { GenerateRequest } from './request.ts';
import type { StyleAR } from './stylear.ts';

/**
 * All pictures of requests, drawn together.
 *
 * @returns for each request its pictures, in the order of their seeds
 */
export async function drawSamples(
  stylear: StyleAR,
  requests: readonly GenerateRequest[],
  options: GenerateOptions = {},
): Promise<GeneratedImage[][]> {
  const drawn: GeneratedImage[][] = requests.map(() => []);
  for await (const event of stylear.generate(requests, options))
    if (event.type === 'image') drawn[event.image.request]![event.image.index] = event.image;
  return drawn;
}
