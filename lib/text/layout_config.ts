import { objectOf, whole } from '../json_config.ts';
import { chameleonLayout } from './vocabulary.ts';

const { codes, gridMax, codesPerUnit, unitPixels } = chameleonLayout;

/** A `PictureLayout` in a config; what is not said is as with Chameleon: 8,192 codes, 16 pixels each. */
export const layoutConfig = objectOf({
  codes: whole(1, 2 ** 20).default(codes.count),
  gridMax: whole(1, 4096).default(gridMax),
  codesPerUnit: whole(1, 64).default(codesPerUnit),
  unitPixels: whole(1, 1024).default(unitPixels),
}).prefault({});
