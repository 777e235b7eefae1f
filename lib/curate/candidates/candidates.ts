// Pictures that may become training data, from wherever they are.
import { onBackground } from '../../image/background.ts';
import { fitCrop, planCrop } from '../../image/fit_crop.ts';
import { upright } from '../../image/orientation.ts';
import type { Picture } from '../../image/picture.ts';

/** A picture with its caption, which may become a sample of training data. */
export interface Candidate {
  /** Letters, digits, - and _; another for each. */
  readonly key: string;
  readonly caption: string;
  readonly picture: Picture;
  /** What else is known of it, and is to be kept. */
  readonly style?: unknown;
  /** The picture whose style it has been given. It is compared with, and left out of training data. */
  readonly reference?: Reference | undefined;
}

/** A picture whose style others are given. */
export interface Reference {
  readonly picture: Picture;
  /** What it shows, in words. */
  readonly subject: string;
}

/** Candidates by their number, read one at a time; disposing of them closes what they have open. */
export interface Candidates extends Disposable {
  readonly length: number;
  /** What they are, where a config does not say: the same for the same files. */
  readonly identity: string;
  /**
   * @param index  in [0, length)
   * @throws `ERR_INPUT` when a file of this one cannot be read
   */
  at(index: number): Promise<Candidate>;
}

/** A picture as a square: upright, on white, its short side resized and its middle cropped. */
export function squareOf(picture: Picture, size: number): Picture {
  const rgb = onBackground(upright(picture), 'white');
  const { left, top } = planCrop(rgb, { width: size, height: size }).slack;
  const offset = { left: left >> 1, top: top >> 1 };
  return fitCrop(rgb, { width: size, height: size }, offset);
}
