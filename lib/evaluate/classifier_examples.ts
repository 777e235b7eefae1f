import { drawContent } from '../curate/world/content.ts';
import { evaluationSeed, trainingSeed } from '../curate/world/held_out.ts';
import { randomOf } from '../curate/world/random.ts';
import { drawRaw } from '../curate/world/raw.ts';
import { render } from '../curate/world/render.ts';
import { drawStyle } from '../curate/world/styles/draw_style.ts';
import { drawStylised } from '../curate/world/stylised.ts';
import { subjects } from '../curate/world/subjects/subjects.ts';
import type { Picture } from '../image/picture.ts';
import type { Examples } from '../train/trainer.ts';
import { classifierPixels, classifierSide } from './subject_classifier.ts';

/** A picture and the class of its subject. */
export interface ClassifierExample {
  /** `[classifierSide, classifierSide, 3]`, levels. */
  readonly levels: Uint8Array;
  /** The place in `subjects`. */
  readonly label: number;
}

/** A drawing of the picture world whose subject is known. */
export interface LabelledPicture {
  readonly picture: Picture;
  readonly subject: string;
}

/** Far behind what models are trained on. */
const firstIndex = 2 ** 24;

/**
 * What the classifier is taught by: one picture in four is raw, the others are of any style there is,
 * held out or not, since a judge must know what it is shown. Seeds are of training. Every other
 * picture is softened as a decoder of codes would. Each is drawn once and kept.
 */
export function classifierExamples(length: number, size: number): Examples<ClassifierExample> {
  const kept = new Map<number, ClassifierExample>();
  return {
    length,
    at: async (index) => {
      const known = kept.get(index);
      if (known) return known;
      const seed = trainingSeed(firstIndex + index);
      const { picture, subject } = await labelledPicture(seed, size, index % 4 === 0);
      const levels = classifierPixels(picture);
      const example = {
        levels: randomOf(seed, 'soft').chance(0.5) ? softened(levels) : levels,
        label: subjects.findIndex(({ name }) => name === subject),
      };
      kept.set(index, example);
      return example;
    },
  };
}

/** Pictures of any style that the classifier was not taught by. */
export async function heldOutPictures(
  kind: 'raw' | 'stylised',
  count: number,
  size: number,
): Promise<LabelledPicture[]> {
  const drawn: LabelledPicture[] = [];
  for (let i = 0; i < count; i++)
    drawn.push(await labelledPicture(evaluationSeed(i), size, kind === 'raw'));
  return drawn;
}

async function labelledPicture(
  seed: number,
  size: number,
  isRaw: boolean,
): Promise<LabelledPicture> {
  const content = drawContent(seed);
  const { subject } = content;
  const drawing = isRaw ? drawRaw(seed).drawing : drawStylised(drawStyle(seed), content, seed);
  return { picture: await render(drawing, size), subject };
}

/** Each level the binomial mean of itself and its neighbours, 1 2 1 along both axes; edges repeat. */
function softened(levels: Uint8Array): Uint8Array {
  const along = (from: Uint8Array, step: number, last: (at: number) => number) =>
    from.map((level, at) => {
      const place = last(at);
      const before = place > 0 ? from[at - step]! : level;
      const after = place < classifierSide - 1 ? from[at + step]! : level;
      return (before + 2 * level + after + 2) >> 2;
    });
  const row = 3 * classifierSide;
  const across = along(levels, 3, (at) => Math.floor((at % row) / 3));
  return along(across, row, (at) => Math.floor(at / row));
}
