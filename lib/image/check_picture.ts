import { StylearError } from '../error.ts';
import { shown } from '../shown.ts';
import { faultOf, makePicture, type Picture } from './picture.ts';
import { sizeExceeded } from './picture_limits.ts';

/**
 * Checks that a value is a picture, of at most {@link pictureLimits}. What its pixels are is not looked
 * at, so that it takes no time.
 *
 * @param picture  without `paletted`, it is not
 * @param name     what errors call it
 * @returns the same picture; with `paletted`, where it was without
 * @throws `ERR_INPUT` when it is not a picture, or its fields do not belong together
 */
export function checkPicture(picture: unknown, name: string): Picture {
  const wrong = (fault: string) => new StylearError('ERR_INPUT', `${name}: expected ${fault}`);
  if (typeof picture !== 'object' || picture === null || !('pixels' in picture)) {
    const got = shown(picture);
    const advice = got === 'a Sharp' ? '. Pass what its toBuffer() resolves to' : '';
    const expected = 'an object of mode, width, height and pixels';
    throw wrong(`the picture to be ${expected}, got ${got}${advice}`);
  }
  const fault = faultOf(picture);
  if (fault) throw wrong(fault);
  const checked = picture as Picture;
  const { mode, width, height, pixels } = checked;
  const exceeded = sizeExceeded(width, height);
  if (exceeded) {
    throw wrong(`the picture to be ${exceeded}, got ${width} x ${height}. Scale it down first`);
  }
  return checked.paletted === undefined
    ? makePicture(mode, width, height, pixels, checked)
    : checked;
}
