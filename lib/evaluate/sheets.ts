// What the report shows of the pictures it has figures of.
import { encodePicture } from '../image/encode.ts';
import type { Picture } from '../image/picture.ts';
import { pictureGrid } from '../image/picture_grid.ts';
import type { EvaluatedPrompt, EvaluatedStyle } from './protocol.ts';
import type { Sheet } from './report.ts';

type Rows = readonly (readonly (Picture | undefined)[])[];

/** Pictures in rows as a sheet of the report; a missing one leaves its place empty. */
export async function sheetOf(title: string, caption: string, rows: Rows): Promise<Sheet> {
  return { title, caption, png: await encodePicture(pictureGrid(rows)) };
}

/** Prompts that a sheet has columns for. */
export const shownPrompts = 8;

/**
 * References at the left, what a model drew beside them.
 *
 * @param pictureOf  the first picture of a style and a prompt
 */
export async function resultSheet(
  title: string,
  styles: readonly EvaluatedStyle[],
  prompts: readonly EvaluatedPrompt[],
  pictureOf: (style: number, prompt: number) => Picture,
): Promise<Sheet> {
  const shown = prompts.slice(0, shownPrompts);
  const rows = styles.map(({ reference }, style) => [
    reference,
    ...shown.map((_, prompt) => pictureOf(style, prompt)),
  ]);
  const families = styles.map(({ style, subject }) => `${style.family} (${subject})`);
  const caption =
    `Columns: the reference, then ${shown.map(({ prompt }) => prompt).join('; ')}. ` +
    `Rows: ${families.join('; ')}.`;
  return sheetOf(title, caption, rows);
}
