import { describe, expect, test } from 'vitest';
import { evaluationPage } from '../../lib/evaluate/report.ts';

const figure = { mean: 0.914, low: 0.9, high: 0.93, count: 800 };
const page = evaluationPage(
  {
    models: { '<tiny>': 'abc' },
    clip: 'def',
    rows: [
      { split: 'held-out family', model: '<tiny>', variant: 'full', figures: { style: figure } },
      {
        split: 'held-out parameters',
        model: undefined,
        variant: 'world drawing',
        figures: { palette: { ...figure, mean: 0.0421 } },
      },
    ],
    reconstructions: [
      {
        ...{ model: 'tiny', kind: 'raw', pictures: 8, psnr: 24.318, ssim: 0.9 },
        ...{ namedBefore: 0.95, namedAfter: 0.9 },
      },
    ],
    references: ['full', 'shuffled reference'].flatMap((variant) =>
      [undefined, 'owl.png', 'fox.png'].map((reference) => {
        const figures = { clipText: { ...figure, mean: 0.2893 }, clipChoice: figure };
        return { model: 'tiny', variant, reference, figures };
      }),
    ),
  },
  [{ title: 'sheet', caption: 'a & b', png: Uint8Array.of(1, 2, 3) }],
);

describe('the page of an evaluation', () => {
  test('has a table for each split, with figures and their intervals', () => {
    expect(page).toContain('<td>91.4 % <small>90.0 % to 93.0 %</small></td>');
    expect(page).toContain('<td>0.042 <small>0.900 to 0.930</small></td>');
    expect(page.indexOf('<h2>held-out family')).toBeLessThan(
      page.indexOf('<h2>held-out parameters'),
    );
  });

  test('has columns for what was measured alone', () => {
    expect(page).toContain('<th>palette</th>');
    expect(page).not.toContain('<th>CLIP-I</th>');
  });

  test('has all pictures from outside together, each alone, and what is not measured of them', () => {
    const outside = page.slice(page.indexOf('<h2>Pictures from outside'));
    expect(outside).toContain('<td>0.289 <small>0.900 to 0.930</small></td>');
    expect(outside.match(/<th>CLIP-T<\/th><th>own by CLIP-I<\/th>/g)).toHaveLength(2);
    const begins = [...outside.matchAll(/<tr>(<td>[^<]*<\/td>)*?<td>800/g)].map(([row]) =>
      row.replace(/<[^>]*>/g, ' ').trim(),
    );
    expect(begins.map((row) => row.replace(/ +/g, ' '))).toEqual([
      ...['tiny full 800', 'tiny shuffled reference 800'],
      ...['owl.png tiny full 800', 'owl.png tiny shuffled reference 800'],
      ...['fox.png tiny full 800', 'fox.png tiny shuffled reference 800'],
    ]);
    expect(outside).toContain('DINO');
    expect(page).toContain('CLIP: weights def');
  });

  test('says nothing of styles and classifiers where there are no splits', () => {
    const alone = evaluationPage({ models: {}, rows: [], reconstructions: [], references: [] }, []);
    expect(alone).not.toMatch(/bootstrap|<table|classifier/);
  });

  test('has reconstructions, pictures from outside and sheets', () => {
    expect(page).toContain('<td>24.32 dB</td>');
    expect(page).toContain('<td>owl.png</td>');
    expect(page).toContain('src="data:image/png;base64,AQID"');
  });

  test('needs nothing beside it, and escapes names', () => {
    expect(page).not.toMatch(/<script|https?:|<link/);
    expect(page).not.toContain('<tiny>');
    expect(page).toContain('&lt;tiny&gt;');
    expect(page).toContain('a &amp; b');
  });
});
