import { describe, expect, test } from 'vitest';
import {
  contactSheet,
  type SheetKind,
  sheetKinds,
} from '../../../lib/curate/world/contact_sheet.ts';
import { families } from '../../../lib/curate/world/styles/families.ts';
import { subjects } from '../../../lib/curate/world/subjects/subjects.ts';

describe('a contact sheet', () => {
  test.each(Object.keys(sheetKinds) as SheetKind[])(
    'of %s shows a picture for every caption',
    async (kind) => {
      const { picture, captions } = await contactSheet(kind, { size: 16, seed: 1 });
      const columns = Math.max(...captions.map((row) => row.length));
      expect([picture.width, picture.height]).toEqual([columns * 18 + 2, captions.length * 18 + 2]);
      if (kind === 'subjects') expect(captions.flat()).toHaveLength(subjects.length);
      if (kind === 'styles') expect(captions).toHaveLength(families.length);
      // White between the pictures, and not white in the middle of each.
      expect(picture.pixels.subarray(0, columns * 18 * 3).every((level) => level === 255)).toBe(
        true,
      );
      for (const [row, cells] of captions.entries()) {
        for (const column of cells.keys()) {
          const colours = new Set<string>();
          for (let i = 0; i < 16; i++) {
            const at = ((2 + row * 18 + i) * picture.width + 2 + column * 18 + i) * 3;
            colours.add(picture.pixels.subarray(at, at + 3).join());
          }
          expect(colours.size, cells[column]).toBeGreaterThan(1);
        }
      }
    },
  );

  test('is refused with a seed that is none', async () => {
    await expect(contactSheet('raw', { seed: 0.5 })).rejects.toThrow(
      'contactSheet: expected seed to be a whole number in [0, 2^40], got 0.5',
    );
  });
});
