import { statSync } from 'node:fs';
import { join } from 'node:path';
import { StylearError } from '../../error.ts';
import { decodePicture } from '../../image/decode.ts';
import type { Styliser } from '../styliser.ts';
import { type Candidates, squareOf } from './candidates.ts';
import { listingIdentity, namesIn, pictureFiles, textOf } from './picture_files.ts';
import { stylisedCandidates } from './stylised_candidates.ts';

/** A picture that is there already. */
interface Ready {
  readonly prompt: string;
  readonly file: string;
}

/**
 * A folder of ready pairs as a styliser, such as what another program made: a folder for each style, in
 * it KEY.png with KEY.txt, the prompt, for each picture, and reference.png with reference.txt, what the
 * reference shows. A style is named by its folder. Of several pictures of one prompt the seed, counted
 * round, says which.
 */
export class ReadyPairs implements Styliser<string> {
  readonly name = 'ready pairs';
  private readonly folder: string;
  private readonly byStyle: ReadonlyMap<string, readonly Ready[]>;

  /** Throws `ERR_INPUT` when the folder holds no pairs, or a file of a pair is not there. */
  constructor(folder: string) {
    const styles = namesIn(folder).filter((name) => statSync(join(folder, name)).isDirectory());
    this.folder = folder;
    this.byStyle = new Map(styles.map((style) => [style, readyIn(join(folder, style))]));
    if (styles.length === 0) {
      throw new StylearError(
        'ERR_INPUT',
        `${folder}: expected the folder to have one for each style, got none. Put ` +
          'STYLE/KEY.png, STYLE/KEY.txt, STYLE/reference.png and STYLE/reference.txt there.',
      );
    }
  }

  /** All pictures that are there, style by style. */
  candidates(size: number): Candidates {
    const tasks = [...this.byStyle].flatMap(([style, ready], s) => {
      const reference = { read: () => this.referenceOf(style, size) };
      return ready.map(({ prompt, file }, i) => {
        const seed = ready.filter((other) => other.prompt === prompt).findIndex(isFile(file));
        return { key: `style-${s}-${i}`, style, prompt, seed, reference };
      });
    });
    const files = [...this.byStyle.keys()].flatMap((style) =>
      pictureFiles(join(this.folder, style)),
    );
    const identity = listingIdentity(this.folder, files);
    return stylisedCandidates(this, tasks, { identity, size });
  }

  /** Rejects with `ERR_INPUT` when there is no such style, or no picture of the prompt in it. */
  async stylise({ style, prompt, seed, size, signal }: Parameters<Styliser<string>['stylise']>[0]) {
    signal?.throwIfAborted();
    const ready = (this.byStyle.get(style) ?? []).filter((one) => one.prompt === prompt);
    const found = ready[seed % ready.length];
    if (found) return squareOf(await decodePicture(found.file), size);
    const got = `none of ${JSON.stringify(prompt)} in ${JSON.stringify(style)}`;
    throw new StylearError(
      'ERR_INPUT',
      `${this.folder}: expected a picture to be there, got ${got}`,
    );
  }

  private async referenceOf(style: string, size: number) {
    const folder = join(this.folder, style);
    const reference = pictureFiles(folder).find(({ text }) => isReference(text))!;
    const picture = squareOf(await decodePicture(reference.picture), size);
    return { picture, subject: textOf(reference.text) };
  }
}

const isFile = (file: string) => (ready: Ready) => ready.file === file;
const isReference = (text: string): boolean => /[\\/]reference\.txt$/.test(text);

function readyIn(folder: string): Ready[] {
  const files = pictureFiles(folder);
  if (!files.some(({ text }) => isReference(text))) {
    throw new StylearError(
      'ERR_INPUT',
      `${folder}: expected the folder of a style to have a reference.png, got none`,
    );
  }
  return files
    .filter(({ text }) => !isReference(text))
    .map(({ picture, text }) => ({ prompt: textOf(text), file: picture }));
}
