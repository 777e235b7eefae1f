import { harmonies } from '../palette.ts';
import { randomOf } from '../random.ts';
import { families } from './families.ts';
import { backdropNames, type Style } from './style.ts';

/**
 * The style of a seed, from everything that styles can be, held out or not.
 *
 * @param family  any, unless told
 */
export function drawStyle(seed: number, family?: string): Style {
  const random = randomOf(seed, 'style');
  const any = random.pick(families).name;
  const part = () => random.uniform(0, 1);
  return {
    family: family ?? any,
    parameters: {
      hue: random.uniform(0, 360),
      harmony: random.pick(harmonies),
      chroma: part(),
      contrast: part(),
      depth: part(),
      weight: part(),
      wobble: part(),
      scale: part(),
      grain: part(),
      angle: random.uniform(0, 180),
      backdrop: random.pick(backdropNames),
    },
  };
}
