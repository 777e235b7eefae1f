/** Pictures and captions of the picture world, the same in every run. */

import { worldSamples } from '../../lib/curate/world/samples.ts';
import { decodePicture } from '../../lib/image/decode.ts';
import type { Picture } from '../../lib/image/picture.ts';

export interface Drawing {
  readonly picture: Picture;
  readonly caption: string;
}

/**
 * Raw drawings, then as many stylised ones: what the embedded model is trained with.
 *
 * @param size  pixels a side
 */
export async function drawings(count: number, size: number): Promise<Drawing[]> {
  const half = { count: Math.ceil(count / 2), size };
  const made: Drawing[] = [];
  for (const kind of ['raw', 'stylised'] as const)
    for await (const { key, caption, picture } of worldSamples(kind, half))
      made.push({ caption, picture: await decodePicture(picture!.bytes, { name: key }) });
  return made.slice(0, count);
}
