import { describe, expect, it } from 'vitest';
import { around, fitting, outward, stretches } from './order';

describe('fetching outwards', () => {
  it('begins here and leans towards where the reader goes', () => {
    expect(outward(5, 10, 1)).toEqual([5, 6, 7, 4, 8, 9, 3, 2, 1, 0]);
    expect(outward(5, 10, -1).slice(0, 4)).toEqual([5, 4, 3, 6]);
  });

  it('names every slice once, wherever it begins', () => {
    for (const [current, count] of [[0, 1], [0, 7], [6, 7], [3, 200], [199, 200]] as const) {
      for (const direction of [1, -1] as const) {
        const order = outward(current, count, direction);
        expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, i) => i));
      }
    }
  });

  it('has nothing to name in an empty stack', () => {
    expect(outward(0, 0, 1)).toEqual([]);
  });
});

it('goes round with a loop', () => {
  expect(around(3, 5)).toEqual([3, 4, 0, 1, 2]);
});

describe('the budget', () => {
  it('holds as many as fit, and at least one', () => {
    expect(fitting([10, 10, 10], 25)).toBe(2);
    expect(fitting([10, 10], 100)).toBe(2);
    expect(fitting([500], 100)).toBe(1);
    expect(fitting([], 100)).toBe(0);
  });
});

it('finds the stretches of what is loaded', () => {
  expect(stretches([true, true, false, true])).toEqual([[0, 2], [3, 4]]);
  expect(stretches([false])).toEqual([]);
  expect(stretches([])).toEqual([]);
});
