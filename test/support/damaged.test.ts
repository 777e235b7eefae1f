import { expect, test } from 'vitest';
import { damaged } from './damaged.ts';

test('damaged gives other bytes each time, and the same for the same draws', () => {
  const whole = Buffer.from('what is damaged here, many times');
  const draws = () => {
    let state = 1;
    return (n: number) => {
      state = (state * 48271) % 2147483647;
      return state % n;
    };
  };
  const [a, b] = [draws(), draws()];
  const forms = Array.from({ length: 200 }, () => damaged(whole, a).toString('latin1'));
  expect(Array.from({ length: 200 }, () => damaged(whole, b).toString('latin1'))).toEqual(forms);
  expect(new Set(forms).size).toBeGreaterThan(180);
  expect(whole.toString()).toBe('what is damaged here, many times');
});
