import { contactSheet, type SheetKind } from '../curate/world/contact_sheet.ts';
import { writePicture } from '../image/encode.ts';

export interface WorldCommandOptions {
  readonly sheet: SheetKind;
  /** A picture file by its end. */
  readonly output: string;
  /** Pixels a side of each picture. */
  readonly size?: number;
  readonly seed?: number;
  /** Print what each picture is, a line per row. */
  readonly captions?: boolean;
}

/**
 * `stylear world --sheet styles -o sheet.png`: pictures of the picture world side by side.
 *
 * @returns the exit status
 */
export async function worldCommand({
  sheet,
  output,
  captions = false,
  ...options
}: WorldCommandOptions): Promise<number> {
  const { picture, captions: rows } = await contactSheet(sheet, options);
  await writePicture(output, picture);
  if (captions) for (const row of rows) console.log(row.join(' | '));
  return 0;
}
