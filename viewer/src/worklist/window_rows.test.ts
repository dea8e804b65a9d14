import { describe, expect, it } from 'vitest';
import { rowWindow, topOf } from './window_rows';

const CLOSED = { count: 1000, rowHeight: 36, openIndex: -1, openHeight: 0 };
const OPEN = { ...CLOSED, openIndex: 10, openHeight: 150 };

describe('the rows that exist', () => {
  it('are about as many as the screen holds', () => {
    const { first, end } = rowWindow(CLOSED, 3600, 720);
    expect(first).toBe(88);
    expect(end).toBe(133);
  });

  it('take the same room as all of them would', () => {
    for (const measures of [CLOSED, OPEN]) {
      for (const top of [0, 360, 500, 5000, 35_000]) {
        const { first, end, before, after } = rowWindow(measures, top, 700);
        const open = measures.openIndex >= first && measures.openIndex < end ? measures.openHeight : 0;
        expect(before + (end - first) * 36 + open + after).toBe(topOf(measures, 1000));
      }
    }
  });

  it('always cover the screen', () => {
    for (let top = 0; top < 2000; top += 17) {
      const { first, end } = rowWindow(OPEN, top, 700);
      expect(topOf(OPEN, first)).toBeLessThanOrEqual(top);
      expect(topOf(OPEN, end)).toBeGreaterThanOrEqual(top + 700);
    }
  });

  it('are none in an empty list', () => {
    expect(rowWindow({ ...CLOSED, count: 0 }, 0, 700)).toEqual({ first: 0, end: 0, before: 0, after: 0 });
  });
});
