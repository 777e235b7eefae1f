import { describe, expect, test } from 'vitest';
import type { TrainingStep } from '../../lib/train/loop.ts';
import { reportPage } from '../../lib/train/report.ts';

const step = (i: number, metrics = {}): TrainingStep => ({
  ...{ step: i, epoch: i / 10, loss: 10 / i, gradientNorm: 1, rate: 0.1, metrics, seconds: 2 },
});

describe('the report of a training', () => {
  test('has a curve for each figure, within its frame', () => {
    const steps = [step(1), step(2, { psnr: 20 }), step(4, { psnr: 30 })];
    const page = reportPage({ title: 'a & b', steps });
    expect(page).toContain('<h1>a &amp; b</h1><p>step 4, epoch 0.40, loss 2.500, 6 s of steps</p>');
    const names = [...page.matchAll(/<figcaption>(\w+)/g)].map(([, name]) => name);
    expect(names.sort()).toEqual(['gradientNorm', 'loss', 'psnr', 'rate', 'seconds']);
    const loss = /<figcaption>loss<.*?points="([^"]*)"/s.exec(page)![1];
    // Steps 1, 2 and 4 on 46 to 514; losses 10, 5 and 2.5 from the top down.
    expect(loss).toBe('46.0,23.0 202.0,139.0 514.0,197.0');
  });

  test('shows pictures, and needs nothing beside it', () => {
    const png = Buffer.from('not a real one');
    const sheets = [{ step: 3, caption: '<held out>', png }];
    const page = reportPage({ title: 't', steps: [], sheets });
    expect(page).toContain(`src="data:image/png;base64,${png.toString('base64')}"`);
    expect(page).toContain('step 3: &lt;held out&gt;');
    expect(page).toContain('no step yet');
    expect(page).not.toMatch(/https?:|<script|<link/);
  });

  test('draws long trainings as means of neighbours', () => {
    const steps = Array.from({ length: 10_000 }, (_, i) => step(i + 1));
    const page = reportPage({ title: 't', steps });
    for (const [, points] of page.matchAll(/points="([^"]*)"/g))
      expect(points!.split(' ')).toHaveLength(400);
  });
});
