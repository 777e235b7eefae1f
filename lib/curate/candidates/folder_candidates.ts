import { basename } from 'node:path';
import { StylearError } from '../../error.ts';
import { decodePicture } from '../../image/decode.ts';
import type { Candidates } from './candidates.ts';
import { listingIdentity, pictureFiles, textOf } from './picture_files.ts';

/**
 * The captioned pictures of a folder, KEY.png and KEY.txt, in the order of their names.
 *
 * Throws `ERR_INPUT` when the folder has none.
 */
export function folderCandidates(folder: string): Candidates {
  const files = pictureFiles(folder);
  if (files.length === 0) {
    throw new StylearError(
      'ERR_INPUT',
      `${folder}: expected the folder to have pictures, got none. Put KEY.png and KEY.txt there.`,
    );
  }
  return {
    length: files.length,
    identity: listingIdentity(folder, files),
    async at(index) {
      const { picture, text } = files[index]!;
      return {
        key: `${index}`.padStart(7, '0'),
        caption: textOf(text),
        picture: await decodePicture(picture),
        style: { file: basename(picture) },
      };
    },
    [Symbol.dispose]() {},
  };
}
