import { describe, expect, it } from 'vitest';
import { displayValue, draggedWindow, fullRangeWindow, lookUp, tableDisplayValue, usableWindow, type Window } from './voi';

const linear = (center: number, width: number): Window => ({ center, width, function: 'LINEAR' });
const exact = (center: number, width: number): Window => ({ center, width, function: 'LINEAR_EXACT' });
const sigmoid = (center: number, width: number): Window => ({ center, width, function: 'SIGMOID' });

describe('LINEAR', () => {
  // The example of the standard: c = 2048, w = 4096 is y = x for 0..4095 (PS3.3 C.11.2.1.2.1).
  it('maps a full twelve bit range as the standard says', () => {
    expect(displayValue(0, linear(2048, 4096))).toBe(0);
    expect(displayValue(4095, linear(2048, 4096))).toBe(255);
    expect(displayValue(2047.5, linear(2048, 4096))).toBeCloseTo(127.5, 10);
    expect(displayValue(1000, linear(2048, 4096))).toBeCloseTo((1000 / 4095) * 255, 10);
  });

  // Worked by hand for W 400 L 40: 39.5 - 199.5 = -160 is black, 39.5 + 199.5 = 239 is the last grey.
  it('has its ends where the half pixel of the standard puts them', () => {
    expect(displayValue(-160, linear(40, 400))).toBe(0);
    expect(displayValue(-159, linear(40, 400))).toBeCloseTo(255 / 399, 10);
    expect(displayValue(239, linear(40, 400))).toBeCloseTo(255, 10);
    expect(displayValue(240, linear(40, 400))).toBe(255);
    expect(displayValue(39.5, linear(40, 400))).toBeCloseTo(127.5, 10);
  });

  it('is a threshold when the window is one value wide', () => {
    expect(displayValue(99, linear(100, 1))).toBe(0);
    expect(displayValue(99.5, linear(100, 1))).toBe(0);
    expect(displayValue(100, linear(100, 1))).toBe(255);
  });
});

describe('LINEAR_EXACT', () => {
  it('has its middle at the centre and its ends half a width away', () => {
    expect(displayValue(40, exact(40, 400))).toBeCloseTo(127.5, 10);
    expect(displayValue(-160, exact(40, 400))).toBe(0);
    expect(displayValue(240, exact(40, 400))).toBeCloseTo(255, 10);
    expect(displayValue(140, exact(40, 400))).toBeCloseTo(191.25, 10);
  });

  it('serves windows narrower than one', () => {
    expect(displayValue(0.25, exact(0.25, 0.5))).toBeCloseTo(127.5, 10);
    expect(displayValue(0.375, exact(0.25, 0.5))).toBeCloseTo(191.25, 10);
  });
});

describe('SIGMOID', () => {
  it('follows the formula of the standard', () => {
    expect(displayValue(40, sigmoid(40, 400))).toBeCloseTo(127.5, 10);
    // One quarter of the width above the centre: 255 / (1 + e^-1).
    expect(displayValue(140, sigmoid(40, 400))).toBeCloseTo(255 / (1 + Math.exp(-1)), 10);
    expect(displayValue(-60, sigmoid(40, 400))).toBeCloseTo(255 / (1 + Math.exp(1)), 10);
  });
});

describe('a window from a data set', () => {
  it('keeps the function it names', () => {
    expect(usableWindow(40, 400, 'SIGMOID')).toEqual(sigmoid(40, 400));
    expect(usableWindow(40, 400, 'LINEAR_EXACT')).toEqual(exact(40, 400));
    expect(usableWindow(40, 400, '')).toEqual(linear(40, 400));
  });

  it('reads LINEAR narrower than one as LINEAR_EXACT', () => {
    expect(usableWindow(0.5, 0.2, 'LINEAR')).toEqual(exact(0.5, 0.2));
  });

  it('is refused when it has no width', () => {
    expect(usableWindow(40, 0)).toBeNull();
    expect(usableWindow(40, -5)).toBeNull();
    expect(usableWindow(40, NaN)).toBeNull();
  });
});

describe('the full range', () => {
  it('shows the smallest value black and the largest white', () => {
    const window = fullRangeWindow(-1024, 3071);
    expect(displayValue(-1024, window)).toBe(0);
    expect(displayValue(3071, window)).toBeCloseTo(255, 10);
    expect(displayValue(1023.5, window)).toBeCloseTo(127.5, 10);
  });

  it('shows an image of one value as middle grey', () => {
    expect(displayValue(7, fullRangeWindow(7, 7))).toBe(127.5);
  });
});

describe('a lookup table', () => {
  const table = { first: 100, entries: [0, 1023, 4095], bits: 12 };

  it('gives the first entry below its range and the last above it', () => {
    expect(lookUp(table, 50)).toBe(0);
    expect(lookUp(table, 101)).toBe(1023);
    expect(lookUp(table, 900)).toBe(4095);
  });

  it('spreads its bits over the grey of the screen', () => {
    expect(tableDisplayValue(102, table)).toBe(255);
    expect(tableDisplayValue(101, table)).toBeCloseTo((1023 / 4095) * 255, 10);
  });
});

describe('dragging', () => {
  it('widens to the right and raises the centre downwards', () => {
    expect(draggedWindow(linear(40, 400), 160, 0)).toEqual(linear(40, 800));
    expect(draggedWindow(linear(40, 400), 0, 32)).toEqual(linear(80, 400));
  });

  it('never reaches a width that LINEAR forbids', () => {
    expect(draggedWindow(linear(40, 400), -100_000, 0).width).toBe(1);
  });

  it('comes back to where it began', () => {
    expect(draggedWindow(linear(-500, 1500), 0, 0)).toEqual(linear(-500, 1500));
  });
});
