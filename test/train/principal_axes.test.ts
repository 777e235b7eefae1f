import { describe, expect, test } from 'vitest';
import { principalAxes } from '../../lib/train/principal_axes.ts';

describe('principal axes', () => {
  test('of rows that were stretched along known directions are these', () => {
    // Deviations 4, 2 and 1/2 along three orthogonal directions, about (1, 2, 3).
    const directions = [
      [2 / 3, 2 / 3, 1 / 3],
      [-2 / 3, 1 / 3, 2 / 3],
      [1 / 3, -2 / 3, 2 / 3],
    ];
    const deviations = [2, 4, 0.5];
    const rows: number[] = [];
    // Every combination of signs, so that the three do not go together.
    for (let signs = 0; signs < 8; signs++) {
      const along = deviations.map((d, k) => (signs & (1 << k) ? d : -d));
      for (let c = 0; c < 3; c++)
        rows.push(1 + c + along.reduce((sum, a, k) => sum + a * directions[k]![c]!, 0));
    }
    const found = principalAxes(Float32Array.from(rows), 3);
    for (const i of [0, 1, 2]) expect(found.mean[i]).toBeCloseTo(1 + i, 6);
    for (const [i, d] of [4, 2, 0.5].entries()) expect(found.deviations[i]).toBeCloseTo(d, 5);
    [1, 0, 2].forEach((k, i) => {
      const cosine = directions[k]!.reduce((sum, d, c) => sum + d * found.axes[i]![c]!, 0);
      expect(Math.abs(cosine)).toBeCloseTo(1, 6);
    });
  });

  test('leave nothing off the diagonal, whatever the width', () => {
    const width = 37;
    let state = 1;
    const next = () => {
      state = (state * 48271) % 2147483647;
      return state / 2147483647 - 0.5;
    };
    const rows = Float32Array.from({ length: 200 * width }, next);
    const { mean, axes, deviations } = principalAxes(rows, width);
    const along = (row: number, axis: number) =>
      axes[axis]!.reduce((sum, a, c) => sum + a * (rows[row * width + c]! - mean[c]!), 0);
    for (const [i, j] of [
      [0, 0],
      [0, 1],
      [5, 36],
      [36, 36],
      [12, 13],
    ] as const) {
      let covariance = 0;
      for (let row = 0; row < 200; row++) covariance += (along(row, i) * along(row, j)) / 200;
      expect(covariance).toBeCloseTo(i === j ? deviations[i]! ** 2 : 0, 8);
    }
    expect(deviations).toEqual([...deviations].sort((a, b) => b - a));
  });

  test('of rows that do not vary have no deviation', () => {
    const { deviations, mean } = principalAxes(Float32Array.of(3, 4, 3, 4), 2);
    expect(deviations).toEqual([0, 0]);
    expect([...mean]).toEqual([3, 4]);
  });
});
