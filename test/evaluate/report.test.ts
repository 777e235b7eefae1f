import { describe, expect, test } from 'vitest';
import { evaluationPage } from '../../lib/evaluate/report.ts';

const figure = { mean: 0.914, low: 0.9, high: 0.93, count: 800 };
const page = evaluationPage(
  {
    models: { '<tiny>': 'abc' },
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
    references: [
      { model: 'tiny', reference: 'owl.png', ownPalette: 0.1, otherPalette: 0.2, choice: 0.75 },
    ],
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
    expect(page).not.toContain('<th>CLIP-T</th>');
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
