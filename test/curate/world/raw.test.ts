import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { contentOf } from '../../../lib/curate/world/content.ts';
import { drawRaw } from '../../../lib/curate/world/raw.ts';
import { render } from '../../../lib/curate/world/render.ts';
import { sceneNames } from '../../../lib/curate/world/scenes/scene.ts';
import { scenes } from '../../../lib/curate/world/scenes/scenes.ts';
import { subjectNamed, subjects } from '../../../lib/curate/world/subjects/subjects.ts';

const raws = Array.from({ length: 300 }, (_, seed) => drawRaw(seed));

describe('a raw picture', () => {
  test('follows from its seed, to the byte', async () => {
    const { drawing } = drawRaw(11);
    expect(drawing.text(64)).toBe(drawRaw(11).drawing.text(64));
    const hash = async () =>
      createHash('sha256')
        .update((await render(drawRaw(11).drawing, 64)).pixels)
        .digest('hex');
    expect(await hash()).toBe(await hash());
    expect(drawRaw(12).drawing.text(64)).not.toBe(drawing.text(64));
  });

  test('has a caption that is true of it', () => {
    for (const { caption, content, colour, scene } of raws) {
      expect(contentOf(caption)).toEqual(content);
      expect(caption).toContain(scenes[scene].where);
      const { variants, scenes: places } = subjectNamed(content.subject);
      expect(Object.keys(variants)).toContain(colour);
      expect(places).toContain(scene);
      const words = new Set(subjects.flatMap(({ variants }) => Object.keys(variants)));
      const said = caption
        .split(' ')
        .filter((word) => words.has(word) && !content.subject.split(' ').includes(word));
      expect(
        said.every((word) => word === colour),
        caption,
      ).toBe(true);
    }
  });

  test('is in every scene, of every subject', () => {
    expect(new Set(raws.map(({ scene }) => scene))).toEqual(new Set(sceneNames));
    expect(new Set(raws.map(({ content }) => content.subject)).size).toBeGreaterThan(60);
    for (const { drawing } of raws) {
      expect(drawing.text(64)).not.toMatch(/NaN|undefined|Infinity|<text|<image/);
    }
  });

  test('of one subject is of it', () => {
    for (let seed = 0; seed < 20; seed++) expect(drawRaw(seed, 'owl').content.subject).toBe('owl');
  });
});
