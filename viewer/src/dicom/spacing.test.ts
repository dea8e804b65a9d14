import { describe, expect, it } from 'vitest';
import type { DicomJson } from './json';
import { pixelAspect, sliceThicknessMm, spacingOf } from './spacing';

const ds = (values: Record<string, unknown[]>): DicomJson =>
  Object.fromEntries(Object.entries(values).map(([tag, Value]) => [tag, { vr: 'DS', Value }]));

describe('spacing', () => {
  it('is the patient’s where Pixel Spacing says so, rows first', () => {
    expect(spacingOf(ds({ '00280030': [0.7, 0.5] }))).toEqual({ rowMm: 0.7, columnMm: 0.5, where: 'patient' });
  });

  it('is the detector’s where only Imager Pixel Spacing is known, or was copied', () => {
    expect(spacingOf(ds({ '00181164': [0.2, 0.2] }))?.where).toBe('detector');
    expect(spacingOf(ds({ '00181164': [0.2, 0.2], '00280030': [0.2, 0.2] }))?.where).toBe('detector');
    expect(spacingOf(ds({ '00181164': [0.2, 0.2], '00280030': [0.18, 0.18] }))?.where).toBe('patient');
  });

  it('comes from the frame’s own measures first', () => {
    expect(spacingOf(ds({ '00280030': [9, 9] }), ds({ '00280030': [0.4, 0.4] }))?.rowMm).toBe(0.4);
  });

  it('is never guessed', () => {
    expect(spacingOf({})).toBeNull();
    expect(spacingOf(ds({ '00280030': [0, 0.5] }))).toBeNull();
    expect(spacingOf(ds({ '00280030': ['', 'x'] }))).toBeNull();
  });
});

describe('the shape of a pixel', () => {
  it('is height over width', () => {
    expect(pixelAspect({}, { rowMm: 2, columnMm: 1, where: 'patient' })).toBe(2);
    expect(pixelAspect(ds({ '00280034': [4, 3] }), null)).toBeCloseTo(4 / 3);
  });

  it('is square when nobody says otherwise', () => {
    expect(pixelAspect({}, null)).toBe(1);
    expect(pixelAspect(ds({ '00280034': [0, 1] }), null)).toBe(1);
  });
});

it('reads thickness from the frame first', () => {
  expect(sliceThicknessMm(ds({ '00180050': [5] }), ds({ '00180050': [1] }))).toBe(1);
  expect(sliceThicknessMm(ds({ '00180050': [5] }))).toBe(5);
  expect(sliceThicknessMm({})).toBeNull();
});
