import { dotFamilies } from './dots.ts';
import type { Family } from './easel.ts';
import { engravingFamilies } from './engraving.ts';
import { flatFamilies } from './flat.ts';
import { lineFamilies } from './lines.ts';
import { paintFamilies } from './paints.ts';
import { threadFamilies } from './threads.ts';
import { tileFamilies } from './tiles.ts';

/** Every style family; the place in this list is what a classifier may use as its class. */
export const families: readonly Family[] = [
  ...flatFamilies,
  ...lineFamilies,
  ...dotFamilies,
  ...engravingFamilies,
  ...tileFamilies,
  ...threadFamilies,
  ...paintFamilies,
];
